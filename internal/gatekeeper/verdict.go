package gatekeeper

type verdicts struct{}
