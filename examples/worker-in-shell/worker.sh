#!/bin/sh
# A Jobtrail worker in shell: sh, curl and setsid. It runs one command for each job of one type, one job at a time.
#
#     JOBTRAIL_SERVER_URL=… JOBTRAIL_API_KEY=… ./worker.sh TYPE COMMAND [ARGUMENT …]
set -u
[ $# -ge 2 ] || { echo "usage: $0 TYPE COMMAND [ARGUMENT …]" >&2; exit 2; }
type=$1 lease=${LEASE_SECONDS:-30} api=${JOBTRAIL_SERVER_URL:-http://127.0.0.1:8787}/api/v1 child= heart= worker=
shift
tmp=$(mktemp -d) || exit 1
export RESULT="$tmp/result"
printf 'Authorization: Bearer %s\n' "$JOBTRAIL_API_KEY" >"$tmp/key" # in no list of processes, and not for the command
unset JOBTRAIL_API_KEY

post() { # PATH: sends what comes in, prints what is answered, and fails if it was refused
  curl -sS --fail-with-body --retry 8 --retry-connrefused -H @"$tmp/key" \
    -H 'Content-Type: application/json' --data-binary @- "$api/$1"
}
tell() { post "attempts/$attempt/$1?job_id=$job&worker_id=$worker"; }
text() { printf '%s' "$1" | tr '\t' ' ' | tr -d '\000-\037\177' | sed 's/\\/\\\\/g; s/"/\\"/g'; }
first() { said=$(cat); case $said in *"\"$1\":\""*) said=${said#*"\"$1\":\""}; printf %s "${said%%\"*}" ;; esac; }
end() { kill "-$1" "-$child" 2>/dev/null; }

leave() { # whatever is still held goes back to its queue
  trap '' TERM INT
  [ -z "$heart" ] || kill "$heart"
  [ -z "$child" ] || end TERM
  [ -z "$worker" ] || echo '{}' | post "worker/$worker/stop"
  rm -rf "$tmp"
  exit 0
}
trap leave TERM INT

finish() { # the step that runs
  [ ! -s "$tmp/step" ] || echo '{}' | tell "steps/$(cat "$tmp/step")/finish"
  rm -f "$tmp/step"
}
listen() { # to what the command prints
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in
      ::progress\ *) printf '{"percent":%s}' "${line#::progress }" | tell progress ;;
      ::step\ *) finish; printf '{"name":"%s"}' "$(text "${line#::step }")" | tell steps | first step_id >"$tmp/step" ;;
      *) printf '{"lines":["%s"]}' "$(text "$line")" | tell logs ;;
    esac
  done
}
beat() { # renews the lease while the worker lives, and hears the order to stop
  while sleep $((lease / 3)); do
    kill -0 $$ 2>/dev/null || { end KILL; exit; }
    case $(echo '{}' | tell heartbeat) in
      *'"cancel":true'*) : >"$tmp/cancelled"; end TERM; sleep 10; end KILL ;;
      *'"stale_attempt"'*) : >"$tmp/lost"; end KILL ;;
    esac
  done
}
work() { # one job
  rm -f "$tmp/pipe" "$tmp/step" "$tmp/cancelled" "$tmp/lost" "$RESULT"
  mkfifo "$tmp/pipe"
  listen <"$tmp/pipe" & listener=$!
  setsid "$@" <"$tmp/job" >"$tmp/pipe" 2>&1 & child=$!
  beat & heart=$!
  wait "$child"; code=$?
  kill "$heart"; end KILL; heart= child=
  wait "$listener"
  if [ -e "$tmp/lost" ]; then return
  elif [ -e "$tmp/cancelled" ]; then echo '{}' | tell cancelled
  elif [ "$code" -ne 0 ]; then
    printf '{"code":"exit","message":"exited with %s","used":{"exit_code":%s}}' "$code" "$code" | tell fail
  else
    finish
    { printf '{"output":'; if [ -s "$RESULT" ]; then cat "$RESULT"; else echo null; fi; printf '}'; } | tell complete
  fi
}

worker=$(printf '{"name":"shell-%s","types":["%s"],"lease_seconds":%s}' $$ "$(text "$type")" "$lease" |
  post worker/register | first worker_id)
[ -n "$worker" ] || exit 1
while :; do
  printf '{"worker_id":"%s","wait_seconds":20,"holding":[]}' "$worker" | post worker/claim >"$tmp/claim" &
  wait $! || { sleep 1; continue; }
  job=$(first job_id <"$tmp/claim") attempt=$(first attempt_id <"$tmp/claim")
  sed 's/^{"items":\[//; s/\]}$//' "$tmp/claim" >"$tmp/job"
  [ -z "$job" ] || work "$@" >/dev/null
done
