# Ends what the runner started when the runner is gone, however it went.
#
# $1: the runner's private folder, with a file `N.pid` for each process group that runs
# $2: how long the groups have between TERM and KILL, in tenths of a second
#
# The runner holds the other end of standard input and never writes: its end is the end of the
# runner. Each process writes its pid file and looks at it once more before it becomes the
# server. So after the folder is renamed, every group is either on record here or ends itself.
trap '' HUP INT QUIT TERM
while read -r _; do :; done
mv "$1" "$1.ended" || exit
cd "$1.ended" || exit

# Sends a signal to every group; succeeds if one of them was there.
signal() {
  found=1
  for file in *.pid; do
    pid=
    read -r pid <"$file"
    case $pid in '' | *[!0-9]* | 0 | 1) continue ;; esac
    if kill "-$1" "-$pid"; then found=0; fi
  done
  return "$found"
}

signal TERM
patience=$2
while [ "$patience" -gt 0 ] && signal 0; do
  sleep 0.1 || sleep 1
  patience=$((patience - 1))
done
signal KILL
cd / && rm -rf "$1.ended"
