// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import SwiftProtobuf

extension Redirect {
    private static let read = ReadFields(
        Envoy_Config_Route_V3_RedirectAction.self,
        "https_redirect",
        "scheme_redirect",
        "host_redirect",
        "port_redirect",
        "path_redirect",
        "prefix_rewrite",
        "regex_rewrite",
        "response_code",
        "strip_query"
    )

    /// Whether the message asks for nothing that this library does not do.
    static func supports(_ message: Envoy_Config_Route_V3_RedirectAction) -> Bool {
        read.others(in: message).isEmpty
    }

    /// Decodes a redirect.
    /// - Returns: `nil`, with a problem, if a part of it is bad.
    init?(_ message: Envoy_Config_Route_V3_RedirectAction, at path: FieldPath, _ context: inout DecodingContext) {
        let status: Status
        switch message.responseCode {
        case .movedPermanently: status = .movedPermanently
        case .found: status = .found
        case .seeOther: status = .seeOther
        case .temporaryRedirect: status = .temporaryRedirect
        case .permanentRedirect: status = .permanentRedirect
        case .UNRECOGNIZED(let code):
            context.reject(path["response_code"], "\(code) is unknown")
            return nil
        }
        for (field, text) in [
            ("scheme_redirect", message.schemeRedirect), ("host_redirect", message.hostRedirect),
            ("path_redirect", message.pathRedirect), ("prefix_rewrite", message.prefixRewrite),
        ] {
            guard context.requireFieldValue(text, at: path[field]) else { return nil }
        }
        self.init(stripsQuery: message.stripQuery, status: status)
        switch message.schemeRewriteSpecifier {
        case .httpsRedirect(true): scheme = "https"
        case .schemeRedirect(let scheme) where !scheme.isEmpty: self.scheme = scheme
        case .httpsRedirect, .schemeRedirect, nil: break
        }
        if !message.hostRedirect.isEmpty { host = message.hostRedirect }
        if message.portRedirect != 0 { port = Int(message.portRedirect) }
        switch message.pathRewriteSpecifier {
        case .pathRedirect(let whole) where !whole.isEmpty: self.path = .whole(whole)
        case .prefixRewrite(let prefix) where !prefix.isEmpty: self.path = .rewritten(.prefix(prefix))
        case .regexRewrite(let rewrite):
            guard let rewrite = RegexSubstitution(rewrite, at: path["regex_rewrite"], &context) else { return nil }
            self.path = .rewritten(.regularExpression(rewrite))
        case .pathRedirect, .prefixRewrite, .pathRewrite, nil: break
        }
    }
}

extension Envoy_Config_Route_V3_RedirectAction {
    /// Encodes a redirect.
    init(_ redirect: Redirect) {
        self.init()
        if redirect.scheme == "https" {
            httpsRedirect = true
        } else if let scheme = redirect.scheme {
            schemeRedirect = scheme
        }
        if let host = redirect.host { hostRedirect = host }
        if let port = redirect.port { portRedirect = UInt32(clamping: port) }
        switch redirect.path {
        case .unchanged: break
        case .whole(let path): pathRedirect = path
        case .rewritten(.prefix(let prefix)): prefixRewrite = prefix
        case .rewritten(.regularExpression(let rewrite)):
            regexRewrite = Envoy_Type_Matcher_V3_RegexMatchAndSubstitute(rewrite)
        // The API has no field for it here.
        case .rewritten(.template): break
        }
        responseCode =
            switch redirect.status {
            case .movedPermanently: .movedPermanently
            case .found: .found
            case .seeOther: .seeOther
            case .temporaryRedirect: .temporaryRedirect
            case .permanentRedirect: .permanentRedirect
            }
        stripQuery = redirect.stripsQuery
    }
}
