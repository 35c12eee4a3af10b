#!/bin/sh
# Gives a request to the state machine, waits, and prints how it ended.
set -eu
machine=$(aws cloudformation describe-stacks --stack-name "${STACK:-package-vending}" --output text \
  --query "Stacks[0].Outputs[?OutputKey=='StateMachineArn'].OutputValue")
execution=$(aws stepfunctions start-execution --state-machine-arn "$machine" --input "file://$1" \
  --query executionArn --output text)
while sleep 1; do
  found=$(aws stepfunctions describe-execution --execution-arn "$execution" \
    --query "[status, cause || output]" --output text)
  text=${found#*"$(printf '\t')"}
  case $found in
    RUNNING*) ;;
    SUCCEEDED*) echo "$text" && exit 0 ;;
    *) echo "$text" >&2 && exit 1 ;;
  esac
done
