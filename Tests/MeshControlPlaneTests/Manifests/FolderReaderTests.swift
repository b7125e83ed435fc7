// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshManifests
import Testing

@testable import MeshControlPlane

@Suite struct FolderReaderTests {
    private let folder: TemporaryFolder
    private let reader: FolderReader

    init() throws {
        self.folder = try TemporaryFolder()
        self.reader = FolderReader(path: folder.path, limits: ControlPlaneConfiguration.Limits(maximumFileSize: 1024))
    }

    private func names() throws -> [String] { try reader.listing().files.keys.sorted() }

    @Test func `only manifests are seen, dot files, other files and folders are not`() throws {
        for name in ["a.yaml", "b.yml", "c.json", ".hidden.yaml", "d.txt", "e.yaml~", "f.yaml.swp"] {
            try folder.write("x", to: name)
        }
        try FileManager.default.createDirectory(atPath: folder.path + "/g.yaml", withIntermediateDirectories: true)
        #expect(mkfifo(folder.path + "/h.yaml", 0o600) == 0)
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/i.yaml",
            withDestinationPath: folder.path + "/nowhere"
        )
        #expect(try names() == ["a.yaml", "b.yml", "c.json"])
        #expect(try reader.files(of: reader.listing()).map(\.name) == ["a.yaml", "b.yml", "c.json"])
    }

    @Test func `every way to change a file changes the listing`() throws {
        try folder.write("one", to: "a.yaml")
        let first = try reader.listing()
        #expect(try reader.listing() == first)
        // Replaced by one of the same size, with the time of the old one.
        let date = try #require(
            try FileManager.default.attributesOfItem(atPath: folder.path + "/a.yaml")[.modificationDate] as? Date
        )
        try folder.write("two", to: "a.yaml")
        try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: folder.path + "/a.yaml")
        let second = try reader.listing()
        #expect(second != first)
        try folder.write("x", to: "b.yaml")
        let third = try reader.listing()
        #expect(third != second)
        try folder.remove("b.yaml")
        #expect(try reader.listing() == second)
    }

    @Test func `swapping the directory link of a ConfigMap changes the listing`() throws {
        let manager = FileManager.default
        for (version, text) in [("..1", "one"), ("..2", "two")] {
            try manager.createDirectory(atPath: folder.path + "/" + version, withIntermediateDirectories: true)
            try folder.write(text, to: version + "/a.yaml")
        }
        try manager.createSymbolicLink(atPath: folder.path + "/..data", withDestinationPath: "..1")
        try manager.createSymbolicLink(atPath: folder.path + "/a.yaml", withDestinationPath: "..data/a.yaml")
        let before = try reader.listing()
        #expect(try reader.files(of: before) == [ManifestFile(name: "a.yaml", text: "one")])
        try manager.createSymbolicLink(atPath: folder.path + "/..data_tmp", withDestinationPath: "..2")
        #expect(rename(folder.path + "/..data_tmp", folder.path + "/..data") == 0)
        let after = try reader.listing()
        #expect(after != before)
        #expect(try reader.files(of: after) == [ManifestFile(name: "a.yaml", text: "two")])
    }

    @Test func `a missing folder and a missing file are told`() throws {
        try folder.write("x", to: "a.yaml")
        let listing = try reader.listing()
        try folder.remove("a.yaml")
        #expect(throws: FolderProblem.self) { try reader.files(of: listing) }
        let nowhere = FolderReader(path: folder.path + "/nowhere", limits: reader.limits)
        #expect(throws: FolderProblem.self) { try nowhere.listing() }
    }

    @Test(.timeLimit(.minutes(5)))
    func `a pipe that takes a file's place does not hold up the reader, and shows in the next listing`() throws {
        try folder.write("x", to: "a.yaml")
        let listing = try reader.listing()
        try folder.remove("a.yaml")
        #expect(mkfifo(folder.path + "/a.yaml", 0o600) == 0)
        _ = try? reader.files(of: listing)
        #expect(try reader.listing() != listing)
    }

    @Test func `number, size and sum of the files are bounded`() throws {
        try folder.write(String(repeating: "x", count: 5000), to: "large.yaml")
        #expect(try reader.files(of: reader.listing()).map(\.bytes.count) == [1025])
        try folder.write("x", to: "b.yaml")
        var limits = reader.limits
        limits.maximumFiles = 1
        #expect(throws: FolderProblem.self) { try FolderReader(path: folder.path, limits: limits).listing() }
        limits = reader.limits
        limits.maximumTotalSize = 1024
        #expect(throws: FolderProblem.self) { try FolderReader(path: folder.path, limits: limits).listing() }
    }
}
