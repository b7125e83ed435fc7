// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshHTTP
import NIOCore
import NIOHTTP1
import NIOPosix

/// The floor: SwiftNIO's own HTTP/1.1 codec, a connection for each task, and the tasks on the connections' loop.
struct BareHTTP1Client: LoadClient {
    private let plan: LoadPlan
    private let loop: any EventLoop

    static func run(_ plan: LoadPlan) async throws -> LoadReport {
        let loop = MultiThreadedEventLoopGroup(numberOfThreads: 1).next()
        return try await ClosedLoop(plan: plan).run(Self(plan: plan, loop: loop), on: EventLoopTaskExecutor(loop))
    }

    func makeWorker() async throws -> Worker {
        // The task runs on the loop: the connection can be taken out of its box once and for all.
        Worker(plan: plan, connection: try await BareHTTP1Connection.connect(plan, on: loop).value)
    }

    struct Worker: LoadWorker {
        let plan: LoadPlan
        let connection: BareHTTP1Connection

        func exchange() async throws -> Int {
            try await withUnsafeThrowingContinuation { connection.send(RequestFields.head(plan), $0) }
        }
    }
}

/// The same for tasks that run elsewhere: each request is handed to the loop.
struct BareHTTP1TaskClient: LoadClient {
    private let plan: LoadPlan
    private let loop: any EventLoop

    static func run(_ plan: LoadPlan) async throws -> LoadReport {
        let loop = MultiThreadedEventLoopGroup(numberOfThreads: 1).next()
        return try await ClosedLoop(plan: plan).run(Self(plan: plan, loop: loop))
    }

    func makeWorker() async throws -> Worker {
        Worker(plan: plan, loop: loop, connection: try await BareHTTP1Connection.connect(plan, on: loop))
    }

    struct Worker: LoadWorker {
        let plan: LoadPlan
        let loop: any EventLoop
        let connection: NIOLoopBound<BareHTTP1Connection>

        func exchange() async throws -> Int {
            let head = RequestFields.head(plan)
            return try await withUnsafeThrowingContinuation { continuation in
                loop.execute { connection.value.send(head, continuation) }
            }
        }
    }
}
