module weft.dev/conformance/detection

go 1.24
