// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

extension PathRewrite {
    /// What a path becomes, its query kept; `nil` if it stays as it is.
    ///
    /// A rewrite that leaves nothing, and a template that the path does not fit, leave the path alone, as Envoy does.
    /// - Parameters:
    ///   - path: The path with its query, as the request has it.
    ///   - matcher: The condition of the route: a prefix rewrite replaces what it matched.
    /// - Complexity: O(length of the path), times the program's size for regular expressions. A template is bound to its
    ///   rewrite each time; `HeadChanges` does that once.
    public func rewritten(_ path: String, matchedBy matcher: PathMatcher) -> String? {
        let bare = path.barePath
        let result: String
        switch self {
        case .prefix(let replacement):
            guard !replacement.isEmpty, let matched = matcher.pattern.lengthReplaced(of: path, bare: bare)
            else { return nil }
            // A byte-wise prefix of a string ends where a scalar does.
            return replacement + path[path.utf8.index(path.startIndex, offsetBy: matched)...]
        case .regularExpression(let substitution):
            result = substitution.applied(to: bare)
        case .template(let rewrite):
            guard case .template(let template) = matcher.pattern,
                let rewritten = (try? rewrite.bound(to: template))?.rewritten(bare)
            else { return nil }
            result = rewritten
        }
        return result.isEmpty ? nil : result + path[bare.endIndex...]
    }
}

extension PathMatcher.Pattern {
    /// How many bytes of a path a prefix rewrite replaces; `nil` if the path does not begin with what was matched.
    fileprivate func lengthReplaced(of path: String, bare: Substring) -> Int? {
        switch self {
        case .prefix(let text), .exact(let text), .separatedPrefix(let text):
            // Always without regard to case: whether that was asked for has been decided by the match.
            path.hasPrefixIgnoringCase(text) ? text.utf8.count : nil
        case .regularExpression, .connect: bare.utf8.count
        case .template: nil
        }
    }
}

extension String {
    /// A path without query and fragment.
    var barePath: Substring {
        utf8.firstIndex { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }.map { self[..<$0] } ?? self[...]
    }

    /// Whether the text begins with another one, ASCII letters taken without their case.
    func hasPrefixIgnoringCase(_ prefix: String) -> Bool {
        var own = utf8.makeIterator()
        for byte in prefix.utf8 {
            guard let mine = own.next(), mine.lowercaseLetter == byte.lowercaseLetter else { return false }
        }
        return true
    }

    /// Whether both are the same text, ASCII letters taken without their case.
    func equalsIgnoringCase(_ other: String) -> Bool {
        utf8.count == other.utf8.count && hasPrefixIgnoringCase(other)
    }
}

extension UInt8 {
    fileprivate var lowercaseLetter: UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self) ? self | 0x20 : self
    }
}
