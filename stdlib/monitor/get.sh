#!/bin/sh
# get PATH: what Prometheus answers. $host, $port and $prefix say where it listens.
# A small Debian has neither curl nor wget, and always bash.
# shellcheck disable=SC2154
get() {
    if command -v curl >/dev/null 2>&1; then
        curl -fsS --max-time 5 "http://$host:$port$prefix$1"
    elif command -v wget >/dev/null 2>&1; then
        wget -q -T 5 -O - "http://$host:$port$prefix$1"
    else
        # shellcheck disable=SC2016
        timeout 5 bash -c '
            exec 3<>"/dev/tcp/$1/$2" || exit 7
            printf "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n" "$3" "$1" >&3
            IFS= read -r line <&3
            case $line in *" 200 "*) ;; *) exit 22 ;; esac
            while IFS= read -r line <&3 && [ "${#line}" -gt 1 ]; do :; done
            cat <&3' get "$host" "$port" "$prefix$1"
    fi
}
