package rest

import "net/http"

const docsURL = "https://docs.github.com/rest"

// Error is an answer in GitHub's error shape. Return it from a handler.
type Error struct {
	Status  int
	Message string
	Fields  []FieldError // "errors" of a 422
	Reasons []string     // "errors" of a 422 of the few operations that give sentences there
	Header  http.Header  // extra headers, may be nil
}

// FieldError says what is wrong with one field of a request.
type FieldError struct {
	Resource string `json:"resource,omitempty"` // PullRequest
	Field    string `json:"field,omitempty"`
	Code     string `json:"code"` // missing, missing_field, invalid, already_exists, unprocessable, custom
	Message  string `json:"message,omitempty"`
}

func (e *Error) Error() string { return e.Message }

// NotFound is also the answer about what the actor may not see.
func NotFound() *Error { return &Error{Status: http.StatusNotFound, Message: "Not Found"} }

// Forbidden is a 403.
func Forbidden(message string) *Error { return &Error{Status: http.StatusForbidden, Message: message} }

// BadRequest is a 400.
func BadRequest(message string) *Error {
	return &Error{Status: http.StatusBadRequest, Message: message}
}

// Conflict is a 409.
func Conflict(message string) *Error { return &Error{Status: http.StatusConflict, Message: message} }

// Invalid is a 422 with a message of its own ("Validation Failed" when there are fields).
func Invalid(message string, fields ...FieldError) *Error {
	return &Error{Status: http.StatusUnprocessableEntity, Message: message, Fields: fields}
}

// MissingField is the 422 for an absent required field.
func MissingField(resource, field string) *Error {
	return Invalid("Validation Failed", FieldError{Resource: resource, Field: field, Code: "missing_field"})
}

// errNotIntegration is GitHub's answer to a token that lacks a permission.
func errNotIntegration() *Error { return Forbidden("Resource not accessible by integration") }

func errBadCredentials() *Error {
	return &Error{Status: http.StatusUnauthorized, Message: "Bad credentials"}
}

func errRequiresAuthentication() *Error {
	return &Error{Status: http.StatusUnauthorized, Message: "Requires authentication"}
}
