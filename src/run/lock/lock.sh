#!/bin/sh
# The lock of a run on its host. Sent to a shell of the host with these variables set before it:
#   verb    take, renew, release, show or break
#   folder  where the lock lies; /tmp when that cannot be written
#   id      of the run that asks; for `break`: of the run whose lock goes
#   text    what the lock says of the run: id, owner, since, what (take)
#   stale   seconds without a renewal after which a lock belongs to nobody (take)
#   dead    id of a run that is known to have ended, or empty (take)
#   force   not empty: do not wait for the last step of the dead run (take)
# Owns: who has the lock; flock on a file beside it, which is root's alone, makes looking and taking one act. Must not know: what a run is.
# Ends with 75 and the lock when another run has it, 76 when the last step of a dead run is still going on.
# shellcheck disable=SC2154  # the variables come from the caller
lock=$folder/etcdsh.lock
[ -w "$folder" ] || lock=/tmp/etcdsh.lock

# Only root could have put something else there; it is not ours to remove.
if [ -L "$lock" ] || { [ -e "$lock" ] && [ ! -f "$lock" ]; }; then echo "$lock is no file: look at it with ls -ld $lock, and move it away" >&2; exit 74; fi

holder() { head -n 1 "$lock" 2>/dev/null; }
# Taken by this shell, for this run?
mine() { [ "$(sed -n '1p; $s/^shell //p' "$lock" 2>/dev/null)" = "$id
$$" ]; }
alone() {
    command -v flock >/dev/null || { echo 'flock of util-linux is missing' >&2; exit 74; }
    # Not the folder itself: anybody who may read it could keep it for ever.
    turn=/tmp
    [ "$lock" = /tmp/etcdsh.lock ] || { turn=${lock%.lock}.turn; (umask 077; : >>"$turn") || exit 74; }
    exec 9<"$turn"
    flock -w 10 9 || { echo "another program holds $turn" >&2; exit 74; }
}
show() { [ ! -e "$lock" ] || { cat "$lock"; echo "age $(($(date +%s) - $(stat -c %Y "$lock")))"; }; }

take() {
    alone
    if [ -e "$lock" ] && [ "$(holder)" != "$id" ]; then
        age=$(($(date +%s) - $(stat -c %Y "$lock")))
        if [ -n "$dead" ] && [ "$(holder)" = "$dead" ]; then
            shell=$(sed -n 's/^shell //p' "$lock")
            [ -n "$force" ] || [ -z "$shell" ] || ! kill -0 "$shell" 2>/dev/null || exit 76
        elif [ "$age" -le "$stale" ]; then
            show
            exit 75
        fi
        rm -f "$lock"
    fi
    # An earlier shell of this run took it, whose watch would remove it with that shell.
    mine || rm -f "$lock"
    if [ ! -e "$lock" ]; then
        (set -C && printf '%s\nshell %s\n' "$text" $$ >"$lock") || { rm -f "$lock"; exit 74; }
    fi
    exec 9<&-
    # When this shell is gone, so is its lock. Given back, and taken again for the next play, it is watched by that one's watch.
    (
        trap '' INT HUP
        while kill -0 $$ 2>/dev/null && mine; do sleep 1; done
        alone
        kill -0 $$ 2>/dev/null || ! mine || rm -f "$lock"
    ) </dev/null >/dev/null 2>&1 &
    echo "$lock"
}

case $verb in
    take) take ;;
    renew) [ "$(holder)" != "$id" ] || touch -c "$lock" ;;
    release) alone; [ "$(holder)" != "$id" ] || rm -f "$lock" ;;
    show) show ;;
    break)
        alone
        [ "$(holder)" = "$id" ] || { show; exit 75; }
        rm -f "$lock"
        ;;
esac
