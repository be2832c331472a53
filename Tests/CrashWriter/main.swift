import Vigil

// A program for the crash tests to kill.
//
//     CrashWriter write PATH SEED sync|interval    writes until it is killed, and prints each acknowledged write
//     CrashWriter follow PATH FROM                 follows, and prints each event
//     CrashWriter read PATH                        prints all that can be read, then what a check finds
//     CrashWriter check PATH                       the same, but checks first and reads nothing that is damaged
//     CrashWriter damage PATH FILE TORN read|write damages a file of copies of the store, as the standard input says, and
//                                                  prints what comes of it
//     CrashWriter groups PATH COUNT                writes to keys of so many groups until it is killed
//     CrashWriter hold PATH                        reads the LMDB environment there until it is killed
//     CrashWriter fixture PATH                     makes the store of Tests/RevisionLogTests/Fixtures, prints its events
//                                                  and kills itself
//
// Lines are written at once and whole, so that those of a killed process can be trusted.

let arguments = CommandLine.arguments
switch arguments[1] {
case "write": try await write(to: arguments[2], seed: arguments[3], isSync: arguments[4] == "sync")
case "follow": try await follow(arguments[2], from: Revision(arguments[3])!)
case "read": await read(arguments[2], checkedFirst: false)
case "damage":
    await damage(arguments[2], arguments[3], torn: arguments[4], writes: arguments[5] == "write")
case "groups": try await writeGroups(arguments[2], Int(arguments[3])!)
case "hold": try hold(arguments[2])
case "check": await read(arguments[2], checkedFirst: true)
default: try await makeFixture(arguments[2])
}
