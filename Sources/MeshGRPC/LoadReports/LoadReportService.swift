// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import GRPCCore
import MeshBalancing
public import MeshCore
public import ServiceMesh

/// Tells callers a server's load apart from their calls: `xds.service.orca.v3.OpenRcaService` (gRFC A51).
///
/// A call lasts until its caller ends it or the server begins to stop.
public struct LoadReportService: RegistrableRPCService {
    /// The method's name, as callers ask for it.
    public static let method = MethodDescriptor(
        service: ServiceDescriptor(fullyQualifiedService: "xds.service.orca.v3.OpenRcaService"),
        method: "StreamCoreMetrics",
        type: .serverStreaming
    )

    private let load: LoadRecorder
    private let minimumInterval: Nanoseconds
    private let drain: ServerDrain?
    private let clock: any MeshClock

    /// Creates a service.
    /// - Parameters:
    ///   - load: What is told.
    ///   - minimumInterval: How often at most. Default 30 s: that of gRPC's servers. A caller that names no interval gets
    ///     this one.
    ///   - drain: The server's way out: as it begins to stop, calls end with UNAVAILABLE rather than hold the stop up.
    ///   - clock: The clock that intervals are measured by.
    public init(
        _ load: LoadRecorder,
        minimumInterval: Nanoseconds = .seconds(30),
        drain: ServerDrain? = nil,
        clock: any MeshClock = SystemClock()
    ) {
        self.load = load
        self.minimumInterval = minimumInterval
        self.drain = drain
        self.clock = clock
    }

    /// Registers the service's method. Called by `GRPCServer`.
    public func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        router.registerHandler(
            forMethod: Self.method,
            deserializer: MessageReader { bytes throws(RPCError) in try LoadReportRequest(serialized: bytes) },
            serializer: MessageBytesWriter()
        ) { request, context in
            let asked = try await ServerRequest(stream: request).message
            let interval = max(asked.interval ?? .zero, minimumInterval)
            return StreamingServerResponse { writer in
                try await LastingCall(context.cancellation, drain).run {
                    while true {
                        try await writer.write(load.report.serialized)
                        try await clock.sleep(until: clock.now.advanced(by: interval))
                    }
                }
            }
        }
    }
}
