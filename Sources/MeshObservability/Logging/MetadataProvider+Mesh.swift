// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import Logging
import MeshCore

extension Logger.MetadataProvider {
    /// Adds `trace_id` and `span_id` of the request that the current task serves to every line that an application
    /// writes, so that its lines can be found from a trace.
    ///
    /// It reads `InboundContext.current`, which the mesh's server adapters bind; outside of a request it adds nothing.
    public static var mesh: Logger.MetadataProvider {
        Logger.MetadataProvider {
            guard let trace = InboundContext.current?.trace, trace.isValid else { return [:] }
            return ["trace_id": .string(trace.traceIDText), "span_id": .string(trace.spanIDText)]
        }
    }
}
