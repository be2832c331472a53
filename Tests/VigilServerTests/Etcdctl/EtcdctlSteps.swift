/// What ``EtcdctlComparisonTests`` has `etcdctl` do, one after the other: its whole table of commands, with wrong input among
/// it. Words are separated by spaces, `""` is an empty one; what follows `<<<` is typed in, with `\n` for a new line.
let etcdctlSteps = #"""
    put a 1
    put a 2 --prev-kv
    put a 3 --prev-kv -w json
    put a --ignore-value
    put missing --ignore-value
    put b/1 v
    put b/2 v
    put b/3 v
    put -- -dash v
    put "" v
    put only
    get
    get a
    get a --print-value-only
    get a -w json
    get a -w simple
    get a -w fields
    get a --hex
    get a --rev 2
    get a --rev 99
    get a --rev 3 -w json
    get b/ --prefix
    get b/ --prefix --keys-only
    get b/ --prefix --keys-only --limit 2
    get b/ --prefix --limit 2 -w json
    get b/ --prefix --count-only
    get b/ --prefix --count-only -w fields
    get b/ --prefix --count-only -w json
    get "" --prefix --sort-by MODIFY --order DESCEND --print-value-only
    get "" --prefix --sort-by KEY --order ASCEND --keys-only
    get "" --prefix --sort-by CREATE --order DESCEND --keys-only
    get "" --prefix --sort-by VERSION --order ASCEND --keys-only
    get "" --prefix --sort-by VALUE --order DESCEND --keys-only
    get b/1 b/3
    get b/2 --from-key
    get a --consistency s
    get a --consistency x
    get a b c
    del b/1
    del b/1
    del b/ --prefix --prev-kv
    del b/ --prefix -w json
    del a --prev-kv -w fields
    del a a0
    del "" --prefix
    del
    txn <<< create("lock") = "0"\n\nput lock me\n\nget lock\n\n
    txn <<< create("lock") = "0"\n\nput lock me\n\nget lock\n\n
    txn -w json <<< mod("lock") > "1"\nversion("lock") = "1"\nvalue("lock") = "me"\n\nput lock you\nget lock\ndel none\n\n\n
    txn -w fields <<< value("lock") = "you"\n\nget lock\n\n\n
    txn <<< nonsense\n
    compact 5
    compact 5
    compact 999
    compact x
    compact 7 --physical
    compact 8 -w json
    endpoint hashkv --rev 7
    endpoint hashkv --rev 8 -w json
    endpoint hashkv --rev 9
    endpoint hashkv --rev 9 -w json
    endpoint hashkv --rev 999
    get lock --rev 2
    watch lock --rev 2
    watch
    lease grant 100
    lease grant 100 -w json
    lease grant x
    lease grant 0
    lease list
    lease timetolive 1234
    lease timetolive 1234 -w json
    lease revoke 1234
    lease keep-alive 1234 --once
    lease keep-alive zz
    put leased v --lease=1234
    alarm list
    alarm disarm
    alarm list -w json
    endpoint health
    endpoint health -w json
    endpoint status
    endpoint status -w json
    endpoint status -w fields
    endpoint hashkv
    endpoint hashkv -w json
    member list
    member list -w json
    member list -w fields
    move-leader 1234
    defrag
    user list
    user add alice:pw
    user add alice:pw
    user add "":pw
    user get alice
    user get alice -w json
    user get alice --detail
    user get nobody
    user list
    user list -w json
    user passwd alice --interactive=false <<< pw2\n
    role add r
    role add r
    role grant-permission r read a
    role grant-permission r readwrite b/ --prefix
    role grant-permission r write c d
    role grant-permission r write e --from-key
    role grant-permission none read a
    role grant-permission r nonsense a
    role get r
    role get r -w json
    role get none
    role list
    role list -w json
    role revoke-permission r a
    role revoke-permission r a
    role revoke-permission r b/ --prefix
    role get r
    user grant-role alice r
    user grant-role alice none
    user grant-role nobody r
    user get alice
    user revoke-role alice r
    user revoke-role alice r
    role delete r
    role delete r
    user delete alice
    user delete alice
    auth enable
    auth status
    user add root:rootpw
    auth enable
    user grant-role root root
    auth enable
    auth status --user root:rootpw
    get a
    get a --user root:wrong
    get a --user root:rootpw
    put a 1 --user root:rootpw
    user list --user root:rootpw
    auth disable --user root:rootpw
    get a
    """#
    .split(separator: "\n").map(String.init)
