// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import MeshTesting
import Testing

/// What a real Envoy 1.40 writes in `request_headers_to_add`, where nothing else is said.
@Suite struct HeaderFormatTests {
    static let request = InMemoryRequest(
        method: "POST",
        authority: "h",
        path: "/p?q=1&q=2&e&c%20d=%41",
        headers: [("x-a", "v1"), ("x-a", "v2"), ("x-utf8", "aäb"), ("user-agent", "u1"), ("user-agent", "u2")]
    )

    static var facts: FormatFacts {
        var facts = FormatFacts()
        facts.startTime = Nanoseconds(rawValue: 1_795_304_688_244_567_891)
        facts.protocolName = "HTTP/1.1"
        facts.cluster = "a"
        facts.routeName = "rt"
        facts.attemptCount = 1
        facts.upstreamHost = "127.0.0.1:80"
        facts.hostsAttempted = ["127.0.0.1:79", "127.0.0.1:80"]
        facts.downstreamAddress = "::1"
        facts.downstreamPort = 99
        facts.peerURISANs = ["spiffe://a", "spiffe://b"]
        facts.responseFlags = [.upstreamRequestTimeout, .upstreamRetryLimitExceeded]
        facts.trace = TraceContext(traceIDHigh: 0x1, traceIDLow: 0xAB, spanID: 0xC, flags: 0)
        facts.environment = ["HOME": "/root"]
        facts.dynamicMetadata = [
            "ns": .fields([
                "text": .text("t"), "number": .number(2), "half": .number(0.5), "yes": .boolean(true), "nothing": .null,
                "deep": .fields(["b": .list([.text("x\"y"), .number(1)]), "a": .null]),
            ])
        ]
        facts.filterState = ["key": "state"]
        facts.duration = .milliseconds(1234)
        facts.instants = [
            "DS_RX_BEG": MeshInstant(nanoseconds: 1_000_000), "DS_RX_END": MeshInstant(nanoseconds: 3_500_000),
        ]
        return facts
    }

    static func text(_ format: String, facts: FormatFacts = facts) throws -> String {
        try HeaderFormat(format).text(facts: { facts }, field: { $0.value(in: request) })
    }

    static let known: [(String, String)] = [
        ("plain", "plain"), ("100%%", "100%"), ("", ""), ("a%%%%b", "a%%b"), ("%%REQ(x-a)%%", "%REQ(x-a)%"),
        ("%REQ(x-a)%", "v1"), ("%REQUEST_HEADER(X-A)%", "v1"), ("<%REQ(x-none?x-a)%>", "<v1>"),
        ("%REQ(x-none?:METHOD):2%", "PO"), ("%REQ(x-none)%", ""), ("%REQ(user-agent)%", "u1,u2"),
        ("%QUERY_PARAM(c d)%", "A"), ("%QUERY_PARAM(e)%", ""), ("a-%REQ(x-none)%-b", "a--b"), ("%REQ(HOST)%", "h"),
        ("%REQ(:PATH)%", "/p?q=1&q=2&e&c%20d=%41"), ("%REQ(x-a):0%", ""), ("%REQ(?x-a)%", "v1"), ("%REQ(x-a?)%", "v1"),
        ("%REQ(x-utf8):2%", "a"), ("%REQ(x-utf8):3%", "aä"), ("%RESP(x)%", ""), ("%TRAILER(x)%", ""),
        ("%PROTOCOL%", "HTTP/1.1"), ("%UPSTREAM_CLUSTER%", "a"), ("%ROUTE_NAME%", "rt"), ("%VIRTUAL_CLUSTER_NAME%", ""),
        ("%RESPONSE_CODE%", "0"), ("%BYTES_RECEIVED%", "0"), ("%RESPONSE_FLAGS%", "UT,URX"),
        ("%RESPONSE_FLAGS_LONG%", "UpstreamRequestTimeout,UpstreamRetryLimitExceeded"), ("%DURATION%", "1234"),
        ("%RESPONSE_DURATION%", ""), ("%UPSTREAM_REQUEST_ATTEMPT_COUNT%", "1"),
        ("%UPSTREAM_HOSTS_ATTEMPTED%", "127.0.0.1:79,127.0.0.1:80"), ("%DOWNSTREAM_REMOTE_ADDRESS%", "[::1]:99"),
        ("%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "::1"), ("%DOWNSTREAM_PEER_URI_SAN%", "spiffe://a,spiffe://b"),
        ("%TRACE_ID%", "000000000000000100000000000000ab"), ("%SPAN_ID%", "000000000000000c"),
        ("%ENVIRONMENT(HOME)%", "/root"), ("%ENVIRONMENT(NOPE)%", "-"), ("%ENVIRONMENT(HOME):3%", "/ro"),
        ("%DYNAMIC_METADATA(ns:text)%", "t"), ("%DYNAMIC_METADATA(ns:number)%", "2"),
        ("%DYNAMIC_METADATA(ns:half)%", "0.5"), ("%DYNAMIC_METADATA(ns:yes)%", "true"),
        ("%DYNAMIC_METADATA(ns:nothing)%", ""), ("%DYNAMIC_METADATA(other:text)%", ""),
        ("%DYNAMIC_METADATA(ns:deep)%", #"{"a":null,"b":["x\"y",1]}"#), ("%METADATA(DYNAMIC:ns:text)%", "t"),
        ("%FILTER_STATE(key)%", "state"), ("%FILTER_STATE(key:PLAIN):2%", "st"), ("%FILTER_STATE(none)%", ""),
        ("%QUERY_PARAM(q)%", "1"), ("%QUERY_PARAM(none)%", ""), ("%PATH%", "/p?q=1&q=2&e&c%20d=%41"),
        ("%PATH(NQ)%", "/p"),
        ("%PATH(NQ:ORIG)%", ""), ("%COMMON_DURATION(DS_RX_BEG:DS_RX_END:us)%", "2500"),
        ("%COMMON_DURATION(DS_RX_BEG:DS_RX_END)%", "2"), ("%COMMON_DURATION(DS_RX_BEG:US_TX_BEG:us)%", ""),
    ]

    @Test(arguments: known)
    func `a format stands for its text`(format: String, expected: String) throws {
        #expect(try Self.text(format) == expected)
    }

    static let times: [(UInt64, String, String)] = [
        (1_795_304_688_244_567_891, "", "2026-11-21T23:44:48.244Z"),
        (1_795_304_688_244_567_891, "(%s.%3f)", "1795304688.244"),
        (1_795_304_688_244_567_891, "(%Y/%m/%d|%E3S|%Z|%z|%e|%j|%b)", "2026/11/21|48.244|UTC|+0000|21|325|Nov"),
        (1_795_304_688_244_567_891, "(%F %T %9f %f %6f %1f)", "2026-11-21 23:44:48 244567891 244567891 244567 2"),
        (
            1_795_304_688_244_567_891, "(%a %A %B %I %p %y %D %R %Ez %%)",
            "Sat Saturday November 11 PM 26 11/21/26 23:44 +00:00 %"
        ),
        (0, "(%Y-%m-%d %H %I %p %j %a %e)", "1970-01-01 00 12 AM 001 Thu  1"),
        (951_782_400_000_000_000, "(%F %j)", "2000-02-29 060"), (4_107_542_400_000_000_000, "(%F)", "2100-03-01"),
        (.max, "(%F %T)", "2554-07-21 23:34:33"),
    ]

    @Test(arguments: times)
    func `instants are written as their format says`(instant: UInt64, argument: String, expected: String) throws {
        var facts = FormatFacts()
        facts.startTime = Nanoseconds(rawValue: instant)
        #expect(try Self.text("%START_TIME\(argument)%", facts: facts) == expected)
    }

    @Test func `facts that nobody knows are left out, but for those with a word of their own`() throws {
        let formats = [
            "%RESPONSE_FLAGS%", "%PROTOCOL%", "%START_TIME%", "%TRACE_ID%", "%GRPC_STATUS%", "%UPSTREAM_HOST%",
        ]
        let texts = try formats.map { try Self.text($0, facts: FormatFacts()) }
        #expect(texts == ["-", "", "", "", "", ""])
    }

    @Test func `response fields and the gRPC status come from the response`() throws {
        let response = InMemoryResponse(503, headers: ["grpc-status": "14", "x": "y"])
        let texts = try [
            "%RESP(:STATUS)%", "%RESPONSE_HEADER(none?x)%", "%GRPC_STATUS%", "%GRPC_STATUS(SNAKE_STRING)%",
            "%GRPC_STATUS_NUMBER%", "%REQ(x-a)%",
        ].map { format in
            try HeaderFormat(format).text(facts: { FormatFacts() }, field: { $0.value(in: Self.request, response) })
        }
        #expect(texts == ["503", "y", "Unavailable", "UNAVAILABLE", "14", "v1"])
    }

    static let refused: [(String, String)] = [
        ("%", "byte 0"), ("a%b", "byte 1"), ("%req(x)%", "byte 0"), ("%REQ%", "REQ needs an argument"),
        ("%REQ()%", "REQ needs an argument"), ("%REQ(a?b?c)%", "one more behind"), ("%REQ(a):x%", "length behind REQ"),
        ("%REQ(a b)%", "no name that HTTP allows"), ("%PROTOCOL:3%", "PROTOCOL takes no length"),
        ("%PROTOCOL(x)%", "PROTOCOL takes no argument"), ("%PROTOCOL", "PROTOCOL is not closed"),
        ("%REQ(a", "no closing parenthesis"), ("%START_TIME:3%", "START_TIME takes no length"),
        ("%START_TIME(%Q)%", "%Q"), ("%ENVIRONMENT%", "ENVIRONMENT needs"), ("%FILTER_STATE(a:FOO)%", "FILTER_STATE"),
        ("%DYNAMIC_METADATA%", "DYNAMIC_METADATA needs"), ("%RESPONSE_FLAGS:3%", "no length"),
        ("%PATH(X)%", "PATH takes WQ"), ("%PATH(WQ:X)%", "ORIG_OR_PATH"), ("%GRPC_STATUS(XX)%", "SNAKE_STRING"),
        ("%COMMON_DURATION(DS_RX_BEG:DS_TX_END:s)%", "not s"), ("%CEL(request.path)%", "CEL is not supported"),
        ("%REQ_WITHOUT_QUERY(:path)%", "REQ_WITHOUT_QUERY is not supported"),
        ("%REQ(a):99999999999999999999%", "length"),
        ("x%%%Y%", "byte 3"),
    ]

    @Test(arguments: refused)
    func `what cannot be answered is refused by name and place`(format: String, reason: String) {
        let error = #expect(throws: ConfigurationError.self) { try HeaderFormat(format) }
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
    }

    @Test func `facts are asked for only by operators that need them`() throws {
        var asked = 0
        let ask: () -> FormatFacts = {
            asked += 1
            return FormatFacts()
        }
        _ = try HeaderFormat("plain %REQ(x-a)%").text(facts: ask, field: { $0.value(in: Self.request) })
        #expect(asked == 0)
        _ = try HeaderFormat("%PROTOCOL% %ROUTE_NAME%").text(facts: ask, field: { $0.value(in: Self.request) })
        #expect(asked == 1)
    }

    @Test func `a literal stands for itself, percent signs and all`() throws {
        let format = HeaderFormat(literal: "50%")
        #expect(format.text(facts: { FormatFacts() }, field: { _ in nil }) == "50%")
        #expect(try HeaderFormat(format.text).text(facts: { FormatFacts() }, field: { _ in nil }) == "50%")
        #expect(!format.hasOperators)
    }
}
