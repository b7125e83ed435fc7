// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting

extension FieldReader {
    /// An `HTTPRewrite` of a VirtualService.
    mutating func requestRewrite() -> RequestRewrite? {
        let uri = sendableText("uri")
        let authority = sendableText("authority")
        let substitution = mapping("uriRegexRewrite") { $0.regexSubstitution() }
        guard ["uri", "authority", "uriRegexRewrite"].contains(where: { value($0) != nil }) else {
            context.error(.missingField, at: position, "a rewrite needs uri, uriRegexRewrite or authority")
            return nil
        }
        _ = oneOf(["uri", "uriRegexRewrite"], of: "a rewrite")
        let path = substitution.map { PathRewrite.regularExpression($0) } ?? uri.map { .prefix($0.value) }
        return RequestRewrite(path: path, authority: authority?.value ?? "")
    }

    private mutating func regexSubstitution() -> RegexSubstitution? {
        let match = requiredText("match")
        let rewrite = requiredText("rewrite")
        guard let match, let expression = expression(match, named: "match") else { return nil }
        guard let rewrite, isSendable(rewrite, named: "rewrite") else { return nil }
        do {
            _ = try RegularExpression.Rewrite(rewrite.value, for: expression)
        } catch {
            context.error(
                .invalidRegularExpression,
                at: context.position(of: error.position, in: rewrite),
                "rewrite cannot replace what match finds: \(error.problem)"
            )
            return nil
        }
        return RegexSubstitution(expression, substitution: rewrite.value)
    }

    /// An `HTTPRedirect` of a VirtualService.
    mutating func redirectSetting(of conditions: [RequestCondition]) -> RedirectSetting? {
        let problems = context.errorCount
        let uri = sendableText("uri")
        let prefix = sendableText("prefixRewrite")
        let authority = sendableText("authority")
        let scheme = choice("scheme", ["http": "http", "https": "https"])
        let status = redirectStatus()
        let port = redirectPort()
        guard context.errorCount == problems, let status else { return nil }
        // Whoever is sent where he came from comes again.
        guard uri != nil || prefix != nil || authority != nil || scheme != nil || port != nil else {
            context.error(
                .missingField,
                at: position,
                "a redirect needs uri, prefixRewrite, authority, scheme, port or derivePort"
            )
            return nil
        }
        _ = oneOf(["uri", "prefixRewrite"], of: "a redirect")
        if prefix != nil, conditions.contains(where: { !$0.isOnPrefix }) {
            context.error(
                .conflictingFields,
                at: keyPosition("prefixRewrite"),
                "prefixRewrite replaces the prefix that a path is matched by, and the uri of a match is no prefix"
            )
        }
        let path: Redirect.Path =
            prefix.map { .rewritten(.prefix($0.value)) } ?? uri.map { .whole($0.value) } ?? .unchanged
        let redirect = Redirect(scheme: scheme?.value, host: authority?.value, path: path, status: status)
        return RedirectSetting(redirect: redirect, port: port)
    }

    private mutating func redirectStatus() -> Redirect.Status? {
        guard value("redirectCode") != nil else { return .movedPermanently }
        guard let code = integer("redirectCode", in: 300...399) else { return nil }
        guard let status = Redirect.Status(rawValue: code.value) else {
            let known = Redirect.Status.allCases.map { String($0.rawValue) }.joined(separator: ", ")
            context.error(
                .invalidValue,
                at: code.position,
                "redirectCode is \(code.value), and must be one of \(known)"
            )
            return nil
        }
        return status
    }

    private mutating func redirectPort() -> RedirectSetting.Port? {
        let number = integer("port", in: 1...65_535)
        let derived = choice(
            "derivePort",
            ["FROM_PROTOCOL_DEFAULT": RedirectSetting.Port.ofProtocol, "FROM_REQUEST_PORT": .called]
        )
        _ = oneOf(["port", "derivePort"], of: "a redirect")
        return number.map { .number(UInt16($0.value)) } ?? derived?.value
    }

    /// Text for a head; empty text is the same as none.
    private mutating func sendableText(_ name: String) -> Located<String>? {
        guard let text = text(name), isSendable(text, named: name) else { return nil }
        guard !text.value.isEmpty else {
            context.warning(.noEffect, at: text.position, "\(name) is empty, so that nothing changes")
            return nil
        }
        return text
    }
}

extension RequestCondition {
    /// Whether its path is matched by a prefix.
    fileprivate var isOnPrefix: Bool {
        switch uri {
        case .prefix, nil: true
        case .exact, .expression, .present: false
        }
    }
}
