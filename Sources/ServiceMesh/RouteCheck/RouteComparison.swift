// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting

/// Compares what a table made of a request with what a test expects.
struct RouteComparison {
    let preview: RoutePreview
    /// The route that the request went to, for coverage.
    let unit: RouteCoverage.Unit?
    private(set) var failures: [RouteCheckFailure] = []
    /// The fields that were as they should be.
    private(set) var met: [RouteCoverage.Field] = []

    init(preview: RoutePreview, unit: RouteCoverage.Unit?) {
        self.preview = preview
        self.unit = unit
    }

    /// Compares every field that the test names.
    mutating func compare(with expectation: RouteCheck.Expectation, virtualCluster: String) {
        let forwarding = preview.forwarding
        let isForwarded = forwarding != nil
        check(.cluster, expectation.cluster, forwarding?.cluster ?? "", counts: isForwarded)
        check(.virtualCluster, expectation.virtualCluster, virtualCluster, counts: isForwarded)
        check(.virtualHost, expectation.virtualHost, isForwarded ? preview.virtualHost ?? "" : "", counts: isForwarded)
        check(.path, expectation.path, isForwarded ? preview.request.path : "", counts: isForwarded)
        check(
            .authority,
            expectation.authority,
            isForwarded ? preview.request.authority ?? "" : "",
            counts: isForwarded
        )
        var location = ""
        var status = 0
        switch preview.outcome {
        case .redirect(let url, let code): (location, status) = (url, code)
        case .directResponse(let code, _): status = code
        case .noVirtualHost, .noRoute, .forward, .nonForwarding: break
        }
        check(.location, expectation.location, location, counts: status != 0)
        let code = { (code: Int) in code == 0 ? "" : String(code) }
        check(.status, expectation.status.map { code(Int($0)) }, code(status), counts: status != 0)
        checkTimeout(expectation.timeout)
        // The response has the shape that matchers of headers ask, but for its own pseudo header.
        let response = PreviewedRequest(method: "", scheme: nil, authority: nil, headers: preview.response.headers)
        for (position, matcher) in expectation.requestHeaders.enumerated() {
            let value = preview.request.fieldOrPseudoField(matcher.name)
            check(matcher, matcher.matches(preview.request), value, "request_header_matches[\(position)]")
        }
        for (position, matcher) in expectation.responseHeaders.enumerated() {
            let value = preview.response.value(of: matcher.name)
            let isMet = matcher.name == ":status" ? matcher.matches(value: value) : matcher.matches(response)
            check(matcher, isMet, value, "response_header_matches[\(position)]")
        }
    }

    private mutating func check(_ field: RouteCoverage.Field, _ expected: String?, _ got: String, counts: Bool) {
        guard let expected else { return }
        if expected == got {
            if counts { met.append(field) }
        } else {
            failures.append(
                RouteCheckFailure(field.rawValue, expected: expected.quotedOrNothing, got: got.quotedOrNothing)
            )
        }
    }

    private mutating func checkTimeout(_ expected: Nanoseconds?) {
        guard let expected else { return }
        guard let forwarding = preview.forwarding else {
            failures.append(
                RouteCheckFailure(
                    RouteCoverage.Field.timeout.rawValue,
                    expected: expected.text,
                    got: preview.route == nil ? "no route" : "a request that is not sent on"
                )
            )
            return
        }
        let got = forwarding.routeTimeout ?? .zero
        guard expected != got else {
            met.append(.timeout)
            return
        }
        failures.append(
            RouteCheckFailure(
                RouteCoverage.Field.timeout.rawValue,
                expected: expected.text,
                got: got == .zero ? "none" : got.text
            )
        )
    }

    private mutating func check(_ matcher: HeaderMatcher, _ isMet: Bool, _ value: String?, _ field: String) {
        guard !isMet else { return }
        failures.append(
            RouteCheckFailure(
                "\(field) \(matcher.name)",
                expected: matcher.words,
                got: value.map { "\"\($0)\"" } ?? "no such header"
            )
        )
    }
}

extension HeaderMatcher {
    /// What is asked of the header, in words.
    fileprivate var words: String {
        let not = isInverted ? "not " : ""
        switch condition {
        case .present(let expected): return expected != isInverted ? "it to be there" : "it not to be there"
        case .range(let start, let end): return "\(not)a number from \(start) to below \(end)"
        case .value(let matcher):
            let letters = matcher.ignoresCase ? ", letters of either case" : ""
            return switch matcher.pattern {
            case .exact(let text): "\(not)\"\(text)\"\(letters)"
            case .prefix(let text): "\(not)\"\(text)\" at its beginning\(letters)"
            case .suffix(let text): "\(not)\"\(text)\" at its end\(letters)"
            case .contains(let text): "\(not)\"\(text)\" in it\(letters)"
            case .regularExpression(let expression): "\(not)a match of \"\(expression.pattern)\""
            }
        }
    }
}

extension String {
    /// The text in quotes, or the word for there being none.
    fileprivate var quotedOrNothing: String { isEmpty ? "none" : "\"\(self)\"" }
}
