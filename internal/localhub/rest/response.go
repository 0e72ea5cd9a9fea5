package rest

import "net/http"

// Response is what a handler answers. Body is encoded as JSON unless Raw is set.
type Response struct {
	Status      int
	Body        any
	Raw         []byte
	ContentType string // of Raw
}

// OK is 200 with a body.
func OK(body any) Response { return Response{Status: http.StatusOK, Body: body} }

// Created is 201 with a body.
func Created(body any) Response { return Response{Status: http.StatusCreated, Body: body} }

// Accepted is 202 with a body, which may be an empty object.
func Accepted(body any) Response { return Response{Status: http.StatusAccepted, Body: body} }

// NoContent is 204.
func NoContent() Response { return Response{Status: http.StatusNoContent} }

// Raw is 200 with bytes of another type than JSON.
func Raw(contentType string, data []byte) Response {
	return Response{Status: http.StatusOK, Raw: data, ContentType: contentType}
}

// Redirect is 302 to url.
func (c *Context) Redirect(url string) Response {
	c.W.Header().Set("Location", url)
	return Response{Status: http.StatusFound}
}
