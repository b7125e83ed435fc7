// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

extension RouteMatch {
    /// The condition of a route that a request did not meet, and what the request had instead.
    public enum Mismatch: Hashable, Sendable, CustomStringConvertible {
        /// The path without its query.
        case path(PathMatcher, seen: String)
        /// A header's values, joined by commas; `nil` if it is absent.
        case header(HeaderMatcher, seen: String?)
        /// The first value of a query parameter; `nil` if it is absent.
        case queryParameter(QueryParameterMatcher, seen: String?)
        /// The first value of a cookie; `nil` if it is absent.
        case cookie(CookieMatcher, seen: String?)
        /// The request is not one of gRPC; its `content-type`.
        case grpc(contentType: String?)
        /// The request does not belong to the share; the share that held, and the request's random number.
        case fraction(RuntimeFraction, held: FractionalPercent, random: UInt64)
        /// The caller's certificate.
        case certificate(CertificateCondition, isPresented: Bool, isValidated: Bool)
        /// What filters noted; `nil` if they noted nothing there.
        case metadata(MetadataMatcher, seen: MetadataValue?)
        /// The route takes no request at all, for a reason that lies in the way in which the table is read.
        case unreachable(String)
        /// The virtual host's tree of conditions does not lead to the route.
        case tree

        /// The condition and what was seen, in words.
        public var description: String {
            switch self {
            case .path(let matcher, let seen): "path: is \(seen.quoted), \(matcher.requirement)"
            case .header(let matcher, let seen): "header \(matcher.name): \(seen.state), \(matcher.requirement)"
            case .queryParameter(let matcher, let seen):
                "query parameter \(matcher.name): \(seen.state), \(matcher.requirement)"
            case .cookie(let matcher, let seen):
                "cookie \(matcher.name): \(seen.state), \(matcher.value.requirement(isInverted: matcher.isInverted))"
            case .grpc(let contentType): "header content-type: \(contentType.state), must be one of gRPC's"
            case .fraction(let fraction, let held, let random):
                "runtime fraction\(fraction.key.isEmpty ? "" : " \(fraction.key)"): the request's number \(random) is "
                    + "not among \(held)"
            case .certificate(let condition, let isPresented, let isValidated):
                "certificate: \(isPresented ? "shown" : "not shown") and \(isValidated ? "verified" : "not verified"), "
                    + condition.requirement
            case .metadata(let matcher, let seen):
                "metadata \(([matcher.filter] + matcher.path).joined(separator: ".")): "
                    + (seen.map { "is \($0.words)" } ?? "is absent")
                    + ", must \(matcher.isInverted ? "not " : "")\(matcher.condition.words)"
            case .unreachable(let reason): reason
            case .tree: "the virtual host's matcher does not lead to it"
            }
        }
    }
}

extension PathMatcher {
    fileprivate var requirement: String {
        let letters = ignoresCase ? ", letters of either case" : ""
        return switch pattern {
        case .prefix(let prefix): "must begin with \(prefix.quoted)\(letters)"
        case .exact(let path): "must be exactly \(path.quoted)\(letters)"
        case .regularExpression(let expression): "must match the regular expression \(expression.pattern.quoted)"
        case .separatedPrefix(let prefix): "must be \(prefix.quoted) or go on behind it with a slash\(letters)"
        case .template(let template): "must be one of the template \(template.text.quoted)"
        case .connect: "the method must be CONNECT"
        }
    }
}

extension HeaderMatcher {
    fileprivate var requirement: String {
        switch condition {
        case .value(let matcher): matcher.requirement(isInverted: isInverted)
        case .range(let start, let end): "must \(isInverted ? "not " : "")be a number from \(start) to below \(end)"
        case .present(let expected): expected != isInverted ? "must be present" : "must be absent"
        }
    }
}

extension QueryParameterMatcher {
    fileprivate var requirement: String {
        switch condition {
        case .value(let matcher): matcher.requirement(isInverted: false)
        case .present(let expected): expected ? "must be present" : "must be absent"
        }
    }
}

extension CertificateCondition {
    fileprivate var requirement: String {
        let parts =
            [isPresented.map { "be \($0 ? "shown" : "missing")" }, isValidated.map { "be \($0 ? "" : "un")verified" }]
        return "must " + parts.compactMap { $0 }.joined(separator: " and ")
    }
}

extension MetadataMatcher.Condition {
    /// What a value must do, in words.
    fileprivate var words: String {
        switch self {
        case .null: "be null"
        case .equals(let number): "be \(MetadataValue.number(number).words)"
        case .range(let start, let end):
            "be a number from \(MetadataValue.number(start).words) to below \(MetadataValue.number(end).words)"
        case .text(let matcher): matcher.words
        case .boolean(let truth): "be \(truth)"
        case .present(true): "be present"
        case .present(false): "be what no value is"
        case .contains(let condition): "be a list with an element that must \(condition.words)"
        case .any(let conditions): conditions.map(\.words).joined(separator: " or ")
        }
    }
}

extension MetadataValue {
    /// The value as people write it: a text in quotes, everything else in JSON.
    fileprivate var words: String {
        if case .text(let text) = self { return text.quoted }
        let (text, rest) = (formatted ?? "null").shortened
        return text + rest
    }
}

extension StringMatcher {
    /// What a text must be, in words.
    package func requirement(isInverted: Bool) -> String {
        "must \(isInverted ? "not " : "")\(words)"
    }

    fileprivate var words: String {
        let letters = ignoresCase ? ", letters of either case" : ""
        return switch pattern {
        case .exact(let text): "be exactly \(text.quoted)\(letters)"
        case .prefix(let text): "begin with \(text.quoted)\(letters)"
        case .suffix(let text): "end with \(text.quoted)\(letters)"
        case .contains(let text): "contain \(text.quoted)\(letters)"
        case .regularExpression(let expression): "match the regular expression \(expression.pattern.quoted)"
        }
    }
}

extension String {
    /// The text in quotes.
    fileprivate var quoted: String {
        let (text, rest) = shortened
        return "\"\(text)\"\(rest)"
    }

    /// The beginning of a long text, so that a request cannot make an explanation of a megabyte, and what to say of the rest.
    fileprivate var shortened: (text: String, rest: String) {
        let bound = 200
        guard let end = utf8.index(startIndex, offsetBy: bound, limitedBy: utf8.endIndex), end < utf8.endIndex else {
            return (self, "")
        }
        return (String(decoding: utf8[..<end], as: UTF8.self), "… (\(utf8.count) bytes)")
    }
}

extension String? {
    fileprivate var state: String {
        map { "is \($0.quoted)" } ?? "is absent"
    }
}
