module weft.dev/conformance/hpack

go 1.21

require golang.org/x/net v0.33.0
