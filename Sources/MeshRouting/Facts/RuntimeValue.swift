// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What a runtime key says in place of the configuration.
public enum RuntimeValue: Hashable, Sendable {
    /// A share of all requests.
    case fraction(FractionalPercent)
    /// A whole number: where a share is asked for, its percent.
    case integer(UInt64)
    /// A truth value.
    case boolean(Bool)
}
