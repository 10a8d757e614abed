#!/bin/sh
# What Prometheus runs on this host, and with which config. $1 and $2: the folders of the two layouts.
# A process in a container has another root: its files are not those of the host.
# Lines `name=value`, then sections that begin with `== NAME`.
if [ -d "$1" ] && [ ! -d "$2" ]; then echo old=yes; else echo old=no; fi
main=$(systemctl show prometheus -p MainPID --value 2>/dev/null)
user=$(systemctl show prometheus -p User --value 2>/dev/null)
pid='' group=''
for found in "${main:-0}" $(grep -lxs prometheus /proc/[0-9]*/comm | cut -d/ -f3); do
    if [ "$found" != 0 ] && [ "$(stat -Lc %d:%i "/proc/$found/root/." 2>/dev/null)" = "$(stat -c %d:%i /.)" ]; then
        pid=$found
        break
    fi
done
file=/etc/prometheus/prometheus.yml
if [ -n "$pid" ]; then
    named=$(tr '\0' '\n' <"/proc/$pid/cmdline" |
        awk 'last { print; last = 0 } /^--config\.file=/ { sub(/^[^=]*=/, ""); print } $0 == "--config.file" { last = 1 }')
    case $named in
        '') ;;
        /*) file=$named ;;
        *) file=$(readlink "/proc/$pid/cwd")/$named ;;
    esac
    # An id without a name is `UNKNOWN`.
    user=$(stat -c %U "/proc/$pid" | grep -v UNKNOWN || stat -c %u "/proc/$pid")
    group=$(stat -c %G "/proc/$pid" | grep -v UNKNOWN || stat -c %g "/proc/$pid")
elif ! command -v prometheus >/dev/null 2>&1; then
    file=
fi
[ -f "$file" ] || file=
[ -n "$user" ] || user=root
[ -n "$group" ] || group=$(id -gn "$user" 2>/dev/null || echo root)
printf 'pid=%s\nmain=%s\nuser=%s\ngroup=%s\nfile=%s\n' "$pid" "$main" "$user" "$group" "$file"
printf 'promtool=%s\n' "$(command -v promtool)"
echo '== command'
[ -z "$pid" ] || tr '\0' '\n' <"/proc/$pid/cmdline"
if [ -n "$file" ]; then
    if [ -e "${file%/*}/etcd/ca.crt" ]; then
        echo '== ca'
        cat "${file%/*}/etcd/ca.crt" || exit 5
    fi
    echo '== config'
    cat "$file" || exit 5
fi
