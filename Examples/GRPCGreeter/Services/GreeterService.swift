// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import MeshBalancing
import MeshGRPC
import Synchronization

/// A greeter that says who it is, and fails when it is told to.
final class GreeterService: Greeter_V1_Greeter.SimpleServiceProtocol {
    let version: String
    let name: String
    private let fails = Atomic<Bool>(false)
    private let served = Atomic<Int>(0)

    init(version: String, name: String) {
        self.version = version
        self.name = name
    }

    /// How many calls it got, failures among them.
    var callCount: Int { served.load(ordering: .relaxed) }

    /// From now on every call fails, or none.
    func setFailing(_ isFailing: Bool) {
        fails.store(isFailing, ordering: .relaxed)
    }

    func sayHello(request: Greeter_V1_HelloRequest, context: ServerContext) async throws -> Greeter_V1_HelloReply {
        served.wrappingAdd(1, ordering: .relaxed)
        if fails.load(ordering: .relaxed) {
            throw RPCError(code: .unavailable, message: "\(name) is out of order")
        }
        // What callers who balance by load are told of this call (gRFC A51).
        CallLoadRecorder.current?.update { $0.applicationUtilization = 0.1 }
        return reply(to: request)
    }

    func sayHellos(
        request: RPCAsyncSequence<Greeter_V1_HelloRequest, any Error>,
        response: RPCWriter<Greeter_V1_HelloReply>,
        context: ServerContext
    ) async throws {
        for try await each in request { try await response.write(reply(to: each)) }
    }

    private func reply(to request: Greeter_V1_HelloRequest) -> Greeter_V1_HelloReply {
        var reply = Greeter_V1_HelloReply()
        reply.greeting = "Hello, \(request.name)!"
        reply.version = version
        reply.server = name
        return reply
    }
}
