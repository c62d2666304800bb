#!/usr/bin/env bash
# Call the order API six times with curl. The argument is the file that `deploy.py --outputs-file FILE` wrote.
#
#   examples/walkthrough.sh .local/outputs.json
#
# The outputs of a deployment to AWS hold no API key; pass it in API_KEY:
#   API_KEY=... examples/walkthrough.sh outputs.json
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
outputs=${1:?usage: examples/walkthrough.sh OUTPUTS_FILE}
python=${PYTHON:-python3}
export no_proxy="${no_proxy:-${NO_PROXY:-}},127.0.0.1,localhost,::1" # an emulator is on this machine

output() { "$python" -c 'import json, sys; print(json.load(open(sys.argv[1])).get(sys.argv[2], ""))' "$outputs" "$1"; }
field() { "$python" -c 'import json, sys; print(json.loads(sys.argv[1])[sys.argv[2]])' "$1" "$2"; }
step() { printf '\n# %s\n' "$1"; }

API_URL=$(output ApiUrl)
API_KEY=${API_KEY:-$(output ApiKey)}
[ -n "$API_KEY" ] || { echo "no ApiKey in $outputs; set API_KEY" >&2; exit 2; }

ca=$(output CaBundle)
[ -z "$ca" ] || export CURL_CA_BUNDLE="$ca"

call() { # call METHOD PATH [curl options]: print the body; fail on an HTTP error
  local method=$1 path=$2 body
  shift 2
  body=$(curl --silent --show-error --fail-with-body --request "$method" "$API_URL$path" \
    --header "x-api-key: $API_KEY" --header "content-type: application/json" "$@") ||
    { echo "$body" >&2; return 1; }
  echo "$body"
}

step "Place an order, with an idempotency key"
key="walkthrough-$(date +%s)-$$"
order=$(call POST /orders --header "Idempotency-Key: $key" --data @"$here/order.json")
echo "$order"
id=$(field "$order" orderId)

step "Repeat the request: the same order is returned, none is added"
again=$(call POST /orders --header "Idempotency-Key: $key" --data @"$here/order.json")
[ "$(field "$again" orderId)" = "$id" ] && echo "still $id"

step "Read the order"
call GET "/orders/$id"

step "Update its status, if its version is still 1"
call PUT "/orders/$id" --header 'If-Match: "1"' --data @"$here/status-processing.json"

step "List the customer's orders, newest first"
call GET "/orders/customer/$(field "$order" customerId)?limit=2"

step "Send an invalid order: it is refused with the reasons"
curl --silent --show-error --request POST "$API_URL/orders" \
  --header "x-api-key: $API_KEY" --header "content-type: application/json" --data @"$here/order-invalid.json"
echo

cat <<EOF

The API is at  $API_URL
Place another order:

curl${ca:+ --cacert '$ca'} -X POST '$API_URL/orders' -H 'x-api-key: $API_KEY' -H 'content-type: application/json' -d @examples/order.json
EOF
