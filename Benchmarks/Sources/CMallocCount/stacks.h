#ifndef STACKS_H
#define STACKS_H

// Keeps the stack of the caller, if that was asked for.
void stacks_record(void);

#endif
