module weft.dev/conformance/http1

go 1.21
