#!/bin/sh
# The rules for etcd that files of others define: names_in FOLDER FILE..., lines `NAME FILE`; `foreign` when our own
# file in FOLDER is not ours.
names_in() {
    folder=$1
    shift
    for file in "$@" "$folder/etcd-rules.yml"; do
        [ -f "$file" ] || continue
        read -r first <"$file" || :
        case "$file $first" in
            "$folder"/etcd-*"# managed by etcdsh"*) ;;
            "$folder/etcd-rules.yml "*) echo foreign ;;
            *)
                sed -nE "s/^[- ]*(alert|record): *[\"']?(Etcd|etcd)([A-Za-z0-9_:]*).*/\\2\\3/p" "$file" |
                    while read -r name; do printf '%s %s\n' "$name" "$file"; done
                ;;
        esac
    done
}
