// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// HTTP filters by which proxies count, or tell each other who they are: requests are treated the same without them.
///
/// Every other filter that is not supported is refused, unless it is optional (gRFC A39): it may be there to refuse requests.
enum ProxyFilters {
    /// The types of their messages. Istio sends them to every sidecar, and says of none that it is optional.
    static let types: Set<String> = [
        "envoy.extensions.filters.http.grpc_stats.v3.FilterConfig",
        // `istio.stats`; the mesh makes the same metrics itself.
        "stats.PluginConfig",
        // `istio.metadata_exchange`
        "io.istio.http.peer_metadata.Config",
        // `istio.alpn`: which protocols the handshake offers.
        "istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig",
    ]

    /// Why they have no effect.
    static let reason = "the filter is for proxies; requests are treated the same without it"
}
