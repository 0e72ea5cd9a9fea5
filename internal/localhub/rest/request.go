package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// maxBody is the largest request body read, in bytes (file contents come as base64).
const maxBody = 64 << 20

// Decode reads the JSON body into v. An empty body leaves v as it is; unknown fields are ignored, as GitHub does.
func (c *Context) Decode(v any) error {
	data, err := io.ReadAll(http.MaxBytesReader(c.W, c.Body, maxBody))
	if err != nil {
		return &Error{Status: http.StatusRequestEntityTooLarge, Message: "Body is too large"}
	}
	if len(data) == 0 {
		return nil
	}
	err = json.Unmarshal(data, v)
	if typeErr, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return Invalid(fmt.Sprintf("Invalid request.\n\nFor '%s', %s is not a %s.", typeErr.Field, typeErr.Value, typeErr.Type))
	}
	if err != nil {
		return BadRequest("Problems parsing JSON")
	}
	return nil
}

// Param returns a wildcard of the pattern, unescaped.
func (c *Context) Param(name string) string { return c.PathValue(name) }

// ID returns a wildcard that is a number; anything else is a 404.
func (c *Context) ID(name string) (int64, error) {
	id, err := strconv.ParseInt(c.PathValue(name), 10, 64)
	if err != nil {
		return 0, NotFound()
	}
	return id, nil
}

// Query returns a query parameter, "" when absent.
func (c *Context) Query(name string) string { return c.URL.Query().Get(name) }
