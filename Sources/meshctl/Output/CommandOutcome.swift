// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import ArgumentParser
import Foundation

/// What a command says, and its exit status.
struct CommandOutcome: Equatable {
    /// Exit statuses, the same for all commands.
    enum Status: Int32 {
        /// All is well.
        case success = 0
        /// The files are good, and the answer is no.
        case failure = 1
        /// A file cannot be read, or says what cannot be.
        case badInput = 2
    }

    /// The exit status.
    var status: Status
    /// The result.
    var output: [String] = []
    /// Warnings and errors.
    var diagnostics: [String] = []

    /// Writes everything and ends the command.
    /// - Throws: The exit status, if it is not 0.
    func finish() throws {
        for line in diagnostics { FileHandle.standardError.write(Data("\(line)\n".utf8)) }
        if !output.isEmpty {
            FileHandle.standardOutput.write(Data((output.joined(separator: "\n") + "\n").utf8))
        }
        if status != .success { throw ExitCode(status.rawValue) }
    }
}
