#!/usr/bin/env bash
# The order API in six curl calls, against whatever `deploy.py --outputs-file FILE` deployed.
#
#   examples/walkthrough.sh .local/outputs.json
#
# The outputs file of a deployment to AWS holds no key; give it in API_KEY:
#   API_KEY=... examples/walkthrough.sh outputs.json
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
outputs=${1:?usage: examples/walkthrough.sh OUTPUTS_FILE}
python=${PYTHON:-python3}
export no_proxy="${no_proxy:-${NO_PROXY:-}},127.0.0.1" # a local deployment is on this machine

output() { "$python" -c 'import json, sys; print(json.load(open(sys.argv[1])).get(sys.argv[2], ""))' "$outputs" "$1"; }
field() { "$python" -c 'import json, sys; print(json.loads(sys.argv[1])[sys.argv[2]])' "$1" "$2"; }
step() { printf '\n# %s\n' "$1"; }

API_URL=$(output ApiUrl)
API_KEY=${API_KEY:-$(output ApiKey)}
[ -n "$API_KEY" ] || { echo "no ApiKey in $outputs; set API_KEY" >&2; exit 2; }

call() { # call METHOD PATH [curl options]: prints the body; on an HTTP error as well, and fails
  local method=$1 path=$2 body
  shift 2
  body=$(curl --silent --show-error --fail-with-body --request "$method" "$API_URL$path" \
    --header "x-api-key: $API_KEY" --header "content-type: application/json" "$@") ||
    { echo "$body" >&2; return 1; }
  echo "$body"
}

step "Place an order; the key makes a repeated request harmless"
key="walkthrough-$(date +%s)-$$"
order=$(call POST /orders --header "Idempotency-Key: $key" --data @"$here/order.json")
echo "$order"
id=$(field "$order" orderId)

step "The same request again: the same order, not a second one"
again=$(call POST /orders --header "Idempotency-Key: $key" --data @"$here/order.json")
[ "$(field "$again" orderId)" = "$id" ] && echo "still $id"

step "Read it"
call GET "/orders/$id"

step "The kitchen starts: update it, only if nobody else did meanwhile"
call PUT "/orders/$id" --header 'If-Match: "1"' --data @"$here/status-processing.json"

step "List the customer's orders, newest first"
call GET "/orders/customer/$(field "$order" customerId)?limit=2"

step "A wrong order is refused with the reasons"
curl --silent --show-error --request POST "$API_URL/orders" \
  --header "x-api-key: $API_KEY" --header "content-type: application/json" --data @"$here/order-invalid.json"
echo

cat <<EOF

The API is at  $API_URL
Place another order:

curl -X POST '$API_URL/orders' -H 'x-api-key: $API_KEY' -H 'content-type: application/json' -d @examples/order.json
EOF
