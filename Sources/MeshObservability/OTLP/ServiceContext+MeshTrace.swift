// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Tracing

/// A position in a trace, and whether it came from another process.
struct MeshTrace: Sendable {
    var context: TraceContext
    var isRemote: Bool
}

extension ServiceContext {
    private enum Key: ServiceContextKey {
        typealias Value = MeshTrace
        static var nameOverride: String? { "mesh-trace" }
    }

    /// The position in the trace that `OTLPTracer` keeps here.
    var meshTrace: MeshTrace? {
        get { self[Key.self] }
        set { self[Key.self] = newValue }
    }
}
