// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Everything that a route, or one share of it, changes in the heads of its requests and responses, compiled once.
///
/// A request changes in Envoy's order: the share's header and authority, then the header changes of route, virtual host
/// and table, then the authority, then the path. So formats see the path as the caller sent it, and a rewrite of the
/// authority by a header sees the header as it has become.
public struct HeadChanges: Hashable, Sendable {
    private let share: CompiledHeaderMutations
    private let shareHost: String?
    private let mutations: CompiledHeaderMutations
    private let match: PathMatcher
    private let pathRewrite: PathRewrite?
    /// What `pathRewrite` is with the route's template.
    private let boundTemplate: BoundPathTemplateRewrite?
    private let hostRewrite: HostRewrite?
    private let appendsForwardedHost: Bool

    /// Compiles the changes.
    /// - Parameters:
    ///   - share: The share of the route's traffic that the request is in; `nil` where the route has one cluster.
    ///   - route: The route's header changes.
    ///   - virtualHost: The virtual host's.
    ///   - table: The table's.
    ///   - mostSpecificHeadersWin: Whether the table's come first and the route's last.
    ///   - match: The route's condition on the path: a prefix rewrite replaces what it matched.
    ///   - pathRewrite: How the path changes.
    ///   - hostRewrite: How the authority changes.
    ///   - appendsForwardedHost: Whether an authority that changes is noted in `x-forwarded-host`.
    public init(
        share: WeightedCluster? = nil,
        route: HeaderMutations,
        virtualHost: HeaderMutations,
        table: HeaderMutations,
        mostSpecificHeadersWin: Bool,
        match: PathMatcher,
        pathRewrite: PathRewrite? = nil,
        hostRewrite: HostRewrite? = nil,
        appendsForwardedHost: Bool = false
    ) {
        self.share = CompiledHeaderMutations([share?.headers ?? .none])
        self.shareHost = share?.host.flatMap { $0.isEmpty ? nil : $0 }
        self.mutations = CompiledHeaderMutations(
            route: route,
            virtualHost: virtualHost,
            table: table,
            mostSpecificHeadersWin: mostSpecificHeadersWin
        )
        self.match = match
        self.pathRewrite = pathRewrite
        if case .template(let rewrite) = pathRewrite, case .template(let template) = match.pattern {
            self.boundTemplate = try? rewrite.bound(to: template)
        } else {
            self.boundTemplate = nil
        }
        self.hostRewrite = hostRewrite
        self.appendsForwardedHost = appendsForwardedHost
    }

    /// Whether no request and no response changes.
    public var isEmpty: Bool { !changesRequests && !changesResponses }

    /// Whether requests change before an endpoint is picked.
    public var changesRequests: Bool {
        share.changesRequests || shareHost != nil || mutations.changesRequests || pathRewrite != nil
            || (hostRewrite != nil && hostRewrite != .endpoint)
    }

    /// Whether responses change.
    public var changesResponses: Bool { share.changesResponses || mutations.changesResponses }

    /// Whether each attempt gets its endpoint's name as authority (`auto_host_rewrite`): see `pick(of:in:)`.
    public var takesEndpointName: Bool { hostRewrite == .endpoint }

    /// Changes a request, once, before its first attempt.
    /// - Parameter facts: What formats may ask for besides the head; evaluated only if one does.
    public func apply(to request: inout some RequestHead, facts: @autoclosure () -> FormatFacts) {
        share.apply(to: &request, facts: facts())
        // The share's authority leaves no trace in `x-forwarded-host` or `x-envoy-original-host`.
        if let shareHost { request.authority = shareHost }
        mutations.apply(to: &request, facts: facts())
        if let authority = hostRewrite?.authority(for: request) {
            request.replaceAuthority(by: authority, appendsForwardedHost: appendsForwardedHost, keepsOriginal: true)
        }
        guard pathRewrite != nil else { return }
        let path = request.path
        if let rewritten = rewritten(path) {
            request.setValue(path, for: EnvoyHeader.originalPath)
            request.path = rewritten
        }
    }

    private func rewritten(_ path: String) -> String? {
        guard let boundTemplate else { return pathRewrite?.rewritten(path, matchedBy: match) }
        let bare = path.barePath
        return boundTemplate.rewritten(bare).flatMap { $0.isEmpty ? nil : $0 + path[bare.endIndex...] }
    }

    /// Gives an attempt the name of the endpoint that was picked for it, where the route asks for that.
    ///
    /// In Envoy a later attempt goes on from what the one before it changed, so that `x-envoy-original-host` and the last
    /// of `x-forwarded-host` then name the endpoint of the attempt before; given the request as it was before the first
    /// pick, both keep naming what the caller asked for.
    /// - Parameter name: The endpoint's host name; empty for none, which leaves the authority.
    public func pick(of name: String, in request: inout some RequestHead) {
        guard takesEndpointName, !name.isEmpty else { return }
        request.replaceAuthority(by: name, appendsForwardedHost: appendsForwardedHost, keepsOriginal: true)
    }

    /// Changes a response, once, before the caller gets it.
    /// - Parameters:
    ///   - request: The request as it was sent on.
    ///   - facts: What formats may ask for besides the heads; evaluated only if one does.
    public func apply(
        to response: inout some ResponseHead,
        request: some RequestHead,
        facts: @autoclosure () -> FormatFacts
    ) {
        share.apply(to: &response, request: request, facts: facts())
        mutations.apply(to: &response, request: request, facts: facts())
    }
}
