import Vigil

// A program for the crash tests to kill.
//
//     CrashWriter write PATH SEED sync|interval    writes until it is killed, and prints each acknowledged write
//     CrashWriter follow PATH FROM                 follows, and prints each event
//     CrashWriter read PATH                        prints all that can be read, then what a check finds
//     CrashWriter check PATH                       the same, but checks first and reads nothing that is damaged
//     CrashWriter backup PATH FILE N               backs up, and kills itself at the N-th report of progress
//     CrashWriter restore FILE PATH N              restores, likewise
//     CrashWriter fixture PATH                     makes the store of Tests/RevisionLogTests/Fixtures, prints its events
//                                                  and kills itself
//
// Lines are written at once and whole, so that those of a killed process can be trusted.

let arguments = CommandLine.arguments
switch arguments[1] {
case "write": try await write(to: arguments[2], seed: arguments[3], isSync: arguments[4] == "sync")
case "follow": try await follow(arguments[2], from: Revision(arguments[3])!)
case "read": await read(arguments[2], checkedFirst: false)
case "check": await read(arguments[2], checkedFirst: true)
case "backup": try await backUp(arguments[2], to: arguments[3], killedAt: Int(arguments[4])!)
case "restore": try await restore(arguments[2], to: arguments[3], killedAt: Int(arguments[4])!)
default: try await makeFixture(arguments[2])
}
