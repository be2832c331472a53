import CDiskShim
import Foundation
import Vigil

// A program for the crash tests to kill.
//
//     CrashWriter write PATH SEED sync|interval    writes until it is killed, and prints each acknowledged write
//     CrashWriter record PATH TRACE SEED "sync|interval often|rarely" COUNT NTH
//                                                  writes COUNT times with each task, and records what the disk is asked;
//                                                  the NTH flush fails
//     CrashWriter faults DIRECTORY write|flush|entry EIO|ENOSPC|short once|lasting
//                                                  lets each operation of a kind fail, one run for each
//     CrashWriter full DIRECTORY                   runs with ever more room on the disk
//     CrashWriter stuck DIRECTORY                  runs while no checkpoint can be made
//     CrashWriter cursor PATH SEED                 the same without compactions, and prints only what a cursor's watch does
//     CrashWriter torture PATH SEED                the same with everything else that a store can do, beside it
//     CrashWriter deletes PATH SEED sync|interval  puts and deletes ranges that find no room in a segment, until it is killed
//     CrashWriter along PATH NAME                  follows from a cursor, and prints what it reads and acknowledges
//     CrashWriter follow PATH FROM                 follows, and prints each event, or why it ended
//     CrashWriter lock PATH                        locks LMDB's table of readers as who opens it, and waits
//     CrashWriter read PATH                        prints all that can be read, then what a check finds
//     CrashWriter check PATH                       the same, but checks first and reads nothing that is damaged
//     CrashWriter damage PATH FILE TORN read|write damages a file of copies of the store, as the standard input says, and
//                                                  prints what comes of it
//     CrashWriter groups PATH COUNT                writes to keys of so many groups until it is killed
//     CrashWriter hold PATH                        reads the LMDB environment there until it is killed
//     CrashWriter backup PATH FILE N               backs up, and kills itself at the N-th report of progress
//     CrashWriter restore FILE PATH N              restores, likewise
//     CrashWriter fixture PATH                     makes the store of Tests/RevisionLogTests/Fixtures, prints its events
//     CrashWriter fixture-leases PATH              makes the other one, with leases
//                                                  and kills itself
//
// Lines are written at once and whole, so that those of a killed process can be trusted.

let arguments = CommandLine.arguments
switch arguments[1] {
case "write": try await write(to: arguments[2], seed: arguments[3], isSync: arguments[4] == "sync")
case "sessions": try await writeInSessions(to: arguments[2], seed: arguments[3])
case "record":
    let level = arguments[5].split(separator: " ")
    try await record(
        arguments[2], into: arguments[3], seed: arguments[4], level: level[0], pace: level[1],
        count: Int(arguments[6])!,
        failing: Int64(arguments[7])!)
case "faults":
    let operations = ["write": disk_write, "flush": disk_flush, "entry": disk_entry][arguments[3]]!
    let error = ["EIO": EIO, "ENOSPC": ENOSPC, "short": 0][arguments[4]]!
    await failEach(operations, with: error, lasting: arguments[5] == "lasting", in: arguments[2])
case "full": await fillUp(arguments[2])
case "stuck": await stopCheckpoints(arguments[2])
case "cursor": try await writeAndRead(arguments[2], seed: arguments[3])
case "leases": try await writeLeases(arguments[2], from: Int64(arguments[3])!, isSync: arguments[4] == "sync")
case "torture": try await torture(arguments[2], seed: UInt64(arguments[3])!)
case "deletes": try await deleteRanges(arguments[2], seed: UInt64(arguments[3])!, arguments[4] == "sync")
case "along": try await readAlong(arguments[2], name: arguments[3])
case "follow": try await follow(arguments[2], from: Revision(arguments[3])!)
case "lock": try await lockReaders(arguments[2])
case "read": await read(arguments[2], checkedFirst: false)
case "damage":
    await damage(arguments[2], arguments[3], torn: arguments[4], writes: arguments[5] == "write")
case "groups": try await writeGroups(arguments[2], Int(arguments[3])!)
case "hold": try hold(arguments[2])
case "check": await read(arguments[2], checkedFirst: true)
case "backup": try await backUp(arguments[2], to: arguments[3], killedAt: Int(arguments[4])!)
case "restore": try await restore(arguments[2], to: arguments[3], killedAt: Int(arguments[4])!)
case "fixture-leases": try await makeLeaseFixture(arguments[2])
case "fixture-long": try await makeLongFixture(arguments[2])
case "fixture-alike": try await makeAlikeFixture(arguments[2])
default: try await makeFixture(arguments[2])
}
