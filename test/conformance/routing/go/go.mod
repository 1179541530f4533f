module weft.dev/conformance/routing

go 1.21
