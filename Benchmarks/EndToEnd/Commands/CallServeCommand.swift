// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import Foundation

/// The gRPC server that every client calls, and the control plane, in a process of their own.
struct CallServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "call-serve",
        abstract: "Serves gRPC and xDS until it is stopped, or its standard input ends.",
        shouldDisplay: false
    )

    func run() throws {
        // A thread of its own: the end of the input is the end of whoever started this process, however that ended.
        Thread.detachNewThread {
            while let byte = try? FileHandle.standardInput.read(upToCount: 1), !byte.isEmpty {}
            Foundation.exit(0)
        }
        _ = try MainThread.wait {
            try await CallStage.serve { ports in
                print(try ports.json())
                fflush(nil)
            }
        }
    }
}
