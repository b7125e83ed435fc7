// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Values at the edges of what decoders expect.
enum FuzzValues {
    static let integers: [UInt64] = [
        0, 1, 2, 99, 100, 101, 199, 599, 600, 999_999, 1_000_000, 1_000_001, 65_535, 65_536, 999_999_999, 1_000_000_000,
        UInt64(Int32.max), UInt64(Int32.max) + 1, UInt64(UInt32.max), UInt64(UInt32.max) + 1,
        UInt64(Int64.max), UInt64(Int64.max) + 1, .max, UInt64(bitPattern: -1_000_000_000),
        UInt64(bitPattern: Int64(Int32.min)), 315_576_000_000, 315_576_000_001, 9_223_372_036, 9_223_372_037,
        18_446_744_073, 18_446_744_074,
    ]

    static let doubles: [Double] = [
        0, -0.0, 1, -1, 0.5, 100, 100.000_001, .nan, .signalingNaN, .infinity, -.infinity, .greatestFiniteMagnitude,
        .leastNonzeroMagnitude, 1e19, -1e19, 1.844_674_407_370_955_2e19, 9.223_372_036_854_775_8e18, 4_294_967_296,
    ]

    static let texts: [String] = [
        "", "*", ".", "/", "//", ":", "::", "%", "%%", "%s", "%REQ(", "%REQ(x)%", "%START_TIME(%f)%", "{", "}", "{a}",
        "/{a=**}/{b}", "/{a=*}", "**", "*.example", "*.", "a*", "*a*", "\0", "\r\n", "x: y\r\nz: w", ":path",
        ":authority", "host", "connection", "grpc-timeout", "\u{FEFF}", "\u{202E}", "e\u{301}", "👩‍👩‍👧", "İ", "ß",
        "[", "]", "[::1]:80", "1.2.3.4", "256.1.1.1", "10.0.0.0/33", "-1", "1e999", "9223372036854775808", "0x10",
        "(", ")", "(a*)*b", "(a|a)*$", "((((((((((a{9}){9}){9}){9}){9}){9}){9}){9}){9}){9})", "a{1000}{1000}",
        "a{,5}", "a{5,2}", "[z-a]", "[[:alpha:]]", "(?P<n>a)", "(?i", "\\", "\\p{Greek}", "\\x{110000}", "\\Q", "\\1",
        "\\99", "\\9999999999999999999999", "^^$$", "a||b", ".*.*.*.*.*.*.*.*=", "spiffe://", "spiffe://a/b c",
        "unix:", "unix:/", "https://x/?#", "type.googleapis.com/", "a/", "type.googleapis.com/google.protobuf.Any",
        "type.googleapis.com/google.protobuf.Struct", "type.googleapis.com/envoy.service.discovery.v3.Resource",
        "type.googleapis.com/xds.type.v3.TypedStruct", "type.googleapis.com/udpa.type.v1.TypedStruct",
        "outbound|9080|v1|reviews.default.svc.cluster.local", "xdstp://a/b/c?d=e#f", "self",
    ]

    static let tokens: [String] = [
        "{", "}", "[", "]", ",", ":", "\"", "\\", "null", "true", "false", "0", "-", "-0", "1e999", "1E+1", "1e-999",
        "01", ".5", "123456789012345678901234567890", "\"\\u0000\"", "\"\\uD800\"", "\"\\uD83D\\uDE00\"", "\"\\u12\"",
        "\"\u{7F}\"", "\u{0}", "\u{FEFF}", "\"@type\":", "\"name\":", "\"fields\":", "\"1s\"", "\"-1s\"",
        "\"1.0000000001s\"", "\"315576000001s\"", "[[[[[[", "{\"a\":{\"a\":", "NaN", "\"NaN\"", "Infinity", "//x\n",
        "/*", "\n", "\t", "\r",
    ]
}
