# What actions/checkout does: fetch one commit (or all history with fetch-depth: 0) and check it out.
set -euo pipefail
case "$CHECKOUT_PATH" in /* | *..*) echo "::error::path must lie inside of the workspace"; exit 1 ;; esac
dir=$GITHUB_WORKSPACE/$CHECKOUT_PATH
mkdir -p "$dir"
cd "$dir"
export GIT_TERMINAL_PROMPT=0
echo "Syncing repository: $CHECKOUT_REPOSITORY"
git init -q .
git config --local gc.auto 0
git remote remove origin 2>/dev/null || true
git remote add origin "$GITHUB_SERVER_URL/$CHECKOUT_REPOSITORY"
header=http.$GITHUB_SERVER_URL/.extraheader
if [ -n "$CHECKOUT_TOKEN" ]; then
  git config --local "$header" "AUTHORIZATION: basic $(printf 'x-access-token:%s' "$CHECKOUT_TOKEN" | base64 | tr -d '\n')"
fi

fetch() {
  if [ "$CHECKOUT_DEPTH" = 0 ]; then
    git fetch -q --force --tags --prune origin '+refs/heads/*:refs/remotes/origin/*' "$@"
  else
    git fetch -q --force --no-tags --prune --depth="$CHECKOUT_DEPTH" origin "$@"
  fi
}
branch() { # name, what to fetch
  fetch "+$2:refs/remotes/origin/$1"
  git checkout -q --force -B "$1" "refs/remotes/origin/$1"
}
tag() { # name, what to fetch
  fetch "+$2:refs/tags/$1"
  git checkout -q --force "refs/tags/$1"
}

ref=$CHECKOUT_REF
if [ -z "$ref" ] && [ "$CHECKOUT_REPOSITORY" = "$GITHUB_REPOSITORY" ]; then
  case "$GITHUB_REF" in
    refs/heads/*) branch "${GITHUB_REF#refs/heads/}" "$GITHUB_SHA" ;;
    refs/tags/*) tag "${GITHUB_REF#refs/tags/}" "$GITHUB_SHA" ;;
    *) fetch "$GITHUB_SHA"; git checkout -q --force --detach "$GITHUB_SHA" ;;
  esac
elif [ -z "$ref" ]; then
  fetch HEAD
  git checkout -q --force --detach FETCH_HEAD
elif [[ $ref =~ ^[0-9a-f]{40}$ ]]; then
  fetch "$ref"
  git checkout -q --force --detach "$ref"
elif [[ $ref == refs/tags/* ]]; then
  tag "${ref#refs/tags/}" "$ref"
elif [[ $ref == refs/heads/* ]]; then
  branch "${ref#refs/heads/}" "$ref"
elif git ls-remote -q --exit-code origin "refs/heads/$ref" >/dev/null; then
  branch "$ref" "refs/heads/$ref"
else
  tag "$ref" "refs/tags/$ref"
fi
[ "$CHECKOUT_PERSIST" = true ] || git config --local --unset-all "$header"
git log -1 --format=%H
