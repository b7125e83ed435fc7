// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshCore
import Testing

@testable import MeshControlPlane

@Suite struct PrivateFileTests {
    private let folder: TemporaryFolder
    private let file: PrivateFile

    init() throws {
        self.folder = try TemporaryFolder()
        self.file = PrivateFile(directory: folder.path + "/state", name: "secret.pem")
    }

    private func permissions(_ path: String) throws -> Int? {
        try (FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber)?.intValue
    }

    @Test func `the directory and the file are for the owner alone`() throws {
        try file.prepareDirectory()
        #expect(try file.read() == nil)
        try file.write("first")
        #expect(try permissions(folder.path + "/state") == 0o700)
        #expect(try permissions(folder.path + "/state/secret.pem") == 0o600)
        try file.write("second")
        #expect(try file.read() == "second")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/state") == ["secret.pem"])
    }

    @Test func `a file that others may read is not used`() throws {
        try file.prepareDirectory()
        try file.write("text")
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o644],
            ofItemAtPath: folder.path + "/state/secret.pem"
        )
        #expect(throws: ConfigurationError.self) { try file.read() }
    }

    @Test func `a directory that others may write into is not used`() throws {
        try file.prepareDirectory()
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: folder.path + "/state")
        #expect(throws: ConfigurationError.self) { try file.prepareDirectory() }
    }

    @Test func `a failed write leaves the old text and no draft`() throws {
        try file.prepareDirectory()
        try FileManager.default.createDirectory(
            atPath: folder.path + "/state/secret.pem/full",
            withIntermediateDirectories: true
        )
        #expect(throws: ConfigurationError.self) { try file.write("text") }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/state") == ["secret.pem"])
    }
}
