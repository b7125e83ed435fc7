// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// An answer that sends the caller somewhere else (`envoy.config.route.v3.RedirectAction`).
public struct Redirect: Hashable, Sendable {
    /// The status code of a redirect (`RedirectResponseCode`).
    public enum Status: Int, Hashable, Sendable, CaseIterable {
        /// For good; the default.
        case movedPermanently = 301
        /// For now.
        case found = 302
        /// To an answer that is asked for with GET.
        case seeOther = 303
        /// For now, with the same method.
        case temporaryRedirect = 307
        /// For good, with the same method.
        case permanentRedirect = 308
    }

    /// What becomes of the path.
    public enum Path: Hashable, Sendable {
        /// It stays.
        case unchanged
        /// It becomes this one, which may have a query of its own (`path_redirect`).
        case whole(String)
        /// It is rewritten.
        case rewritten(PathRewrite)
    }

    /// The scheme; `nil` keeps it.
    public var scheme: String?
    /// The host, with or without a port; `nil` keeps it.
    public var host: String?
    /// The port; `nil` keeps it, but for the scheme's own when the scheme changes.
    public var port: Int?
    /// What becomes of the path.
    public var path: Path
    /// Whether the query is dropped. Default `false`.
    public var stripsQuery: Bool
    /// The status code. Default 301.
    public var status: Status

    /// Creates a redirect.
    public init(
        scheme: String? = nil,
        host: String? = nil,
        port: Int? = nil,
        path: Path = .unchanged,
        stripsQuery: Bool = false,
        status: Status = .movedPermanently
    ) {
        self.scheme = scheme
        self.host = host
        self.port = port
        self.path = path
        self.stripsQuery = stripsQuery
        self.status = status
    }
}
