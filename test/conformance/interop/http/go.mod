module weft.dev/conformance/interop/http

go 1.24
