// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What a condition of a tree looks at (`Matcher…input`).
public enum MatcherInput: Hashable, Sendable {
    /// A header's value; several are joined by `,` (`envoy.type.matcher.v3.HttpRequestHeaderMatchInput`).
    case header(HeaderName)
    /// The first value of a query parameter (`envoy.type.matcher.v3.HttpRequestQueryParamMatchInput`).
    case queryParameter(String)
    /// The caller's IP address (`envoy.extensions.matching.common_inputs.network.v3.SourceIPInput`).
    case sourceAddress
}
