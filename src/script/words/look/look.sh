#!/bin/sh
# What etcd there is on this host: one question, answered in sections that begin with `== NAME`.
#
# Before it stand: the paths $binary, $ca, $conf, $data, $link, $marks, $pki_ca, $unit and $wal, which may be empty, and for grep -E the
# $addresses and $ports as /proc/net/tcp writes them. Ends with 3 when systemd does not answer, 4 and 5 when something cannot be read.
# shellcheck disable=SC2154
# Each program that it starts costs a millisecond on a busy host: what the shell can do itself, it does.
now=$(date +%s.%N); read -r uptime _ </proc/uptime
echo '== clock'; echo "$now"
shown=$(systemctl show etcd -p LoadState -p ActiveState -p SubState -p MainPID -p UnitFileState -p FragmentPath -p WorkingDirectory -p ExecStart) || exit 3
pid=${shown#*MainPID=}; pid=${pid%%
*}
echo '== unit'; printf '%s\n' "$shown"
# A program may stop between the two questions, who listens and whose that is: then both are asked again.
for attempt in 1 2 3; do
  holders='' other='' exe='' owned=0 all=0 inodes=''
  listen=$(grep -hE " ($addresses):($ports) [0-9A-F]+:[0-9A-F]+ 0A " /proc/net/tcp /proc/net/tcp6 2>/dev/null)
  [ -n "$listen" ] || break
  while read -r _ _ _ _ _ _ _ _ _ inode _; do
    all=$((all + 1)) inodes="$inodes|$inode"
  done <<END
$listen
END
  inodes=${inodes#|}
  for process in "/proc/${pid:-0}" /proc/[0-9]*; do
    [ "$process" != "/proc/$pid" ] || [ -z "$holders" ] || continue
    sockets=''
    while read -r socket; do
      socket=${socket#socket:\[} socket=${socket%\]}
      case "|$inodes|" in *"|$socket|"*) owned=$((owned + 1)) sockets="$sockets$socket," ;; esac
    done <<END
$(readlink "$process"/fd/* 2>/dev/null)
END
    [ -n "$sockets" ] || continue
    program=$(readlink "$process/exe" 2>/dev/null || cat "$process/comm")
    [ "$process" != "/proc/$pid" ] || exe=$program
    holders="$holders${process#/proc/} $program $sockets
"
    [ "$pid" = "${process#/proc/}" ] || [ -n "$other" ] || other=${process#/proc/}
    # All sockets of the ports belong to the unit as a rule: no need to look any further.
    [ "$owned" -lt "$all" ] || break 2
  done
  [ "$attempt" = 3 ] || sleep 0.3
done
echo '== listen'; printf '%s\n' "$listen"
echo '== holders'; printf '%s' "$holders"
[ "${pid:-0}" != 0 ] || pid=$other
if [ -n "$pid" ] && [ "$pid" != 0 ] && [ -d "/proc/$pid" ]; then
  echo '== process'
  printf 'pid=%s\nexe=%s\n' "$pid" "${exe:-$(readlink "/proc/$pid/exe")}"
  command=$(tr '\0' ' ' <"/proc/$pid/cmdline"); printf 'command=%s\n' "$command"
  read -r stat <"/proc/$pid/stat"
  printf 'stat=%s\nuptime=%s\nnow=%s\n' "${stat##*) }" "$uptime" "$now"
  case $command in
    *config-file*) ;;
    *) if command -v etcdctl >/dev/null 2>&1; then
         # A package starts it with nothing set: what somebody has set it up for is not to be seen in the keys of one API.
         echo '== keys'; grep -hE '^[[:space:]]*(Environment|ExecStart|ETCD_|DAEMON_ARGS)[A-Z0-9_]*=' "${unit%/systemd/system/*}"/default/etcd "${unit%/*}"/etcd.service.d/*.conf 2>/dev/null
         ETCDCTL_API=3 etcdctl --endpoints=http://127.0.0.1:2379 --command-timeout=3s get '' --from-key --limit=1 --keys-only 2>&1; echo "status=$?"
       fi ;;
  esac
fi
echo '== times'
stat -L -c '%.9Y %U %s %n' "$conf" "$unit" "$ca" "$binary" "$data" "$data/member/snap/db" 2>/dev/null
printf 'binary=%s\n' "$(readlink -f "$binary" 2>/dev/null)"
echo '== data'
if [ -L "$link" ]; then echo linked; fi
if [ -L "$data" ]; then printf 'link=%s\n' "$(readlink -f "$data" || readlink "$data")"; fi
if [ -d "$data" ]; then
  echo directory
  [ -x "$data" ] || exit 4
  if [ -d "$data/member" ]; then echo member; fi
  for entry in "$data"/* "$data"/.[!.]*; do [ -e "$entry" ] && [ "$entry" != "$data/member" ] && printf 'other=%s\n' "$entry"; done
fi
if [ -f "${conf%/*}/etcd.pass" ]; then echo password; fi
if [ -e "$marks/started" ]; then echo started; fi
# Data and a log that lie elsewhere are named by the config, or will be by the inventory.
data_dir='' elsewhere=''
[ -f "$conf" ] && while read -r key value; do
  case $key in [Dd]*) data_dir=$value ;; *) elsewhere=$value ;; esac
done <<END
$(sed -n "/^\(data\|wal\)-dir:/I{ s/:[[:space:]]*/ /; s/[[:space:]]#.*//; s/[\"']//g; s/[[:space:]]*\$//; p; }" "$conf" 2>/dev/null)
END
# A unit that was written for another folder says it where the config is lost.
case $data_dir$shown in
  /*) ;;
  *WorkingDirectory=/*) data_dir=${shown#*WorkingDirectory=}; data_dir=${data_dir%%
*} ;;
esac
if [ -n "$data_dir" ] && [ "$data_dir" != "$data" ] && [ -d "$data_dir/member" ] && [ "$(readlink -f "$data_dir")" != "$(readlink -f "$data")" ]; then printf 'data_dir=%s\n' "$data_dir"; fi
# Its first records say whose a log is.
for folder in "$data/member/wal" "$elsewhere" "$wal"; do
  [ -d "$folder" ] || continue
  [ -r "$folder" ] && [ -x "$folder" ] || exit 4
  set -- "$folder"/*.wal
  [ -e "$1" ] || [ -L "$1" ] || continue
  # The folder is the account's: something else than a file could keep the reader waiting, or lead elsewhere.
  [ -f "$1" ] && [ ! -L "$1" ] || exit 5
  begins=$(od -An -v -tx1 -N 2048 "$1") || exit 5
  count=$# first=$1
  # shellcheck disable=SC2086
  set -- $begins
  IFS=; begins="$*"; unset IFS
  printf 'log=%s %s %s\n' "$count" "$begins" "$first"
done
echo '== addresses'
grep -hB1 '/32 host LOCAL' /proc/net/fib_trie 2>/dev/null
while read -r inet6 _; do echo "$inet6"; done 2>/dev/null </proc/net/if_inet6
echo '== files'
set --
for file in "$conf" "$ca" "$pki_ca" "$marks/member"; do
  # Something else than a file could keep the reader waiting.
  [ -f "$file" ] || continue
  if [ -s "$file" ]; then set -- "$@" "$file"; else printf '%s:\n' "$file"; fi
done
if [ $# != 0 ]; then grep -aH '' "$@"; [ $? -lt 2 ] || exit 5; fi
echo '== end'
