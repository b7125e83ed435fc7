// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshControlPlane

@Suite struct ControlPlaneConfigurationTests {
    @Test func `the defaults are valid, and loopback`() throws {
        let configuration = ControlPlaneConfiguration(manifestFolder: "m", stateDirectory: "s", tokens: Samples.tokens)
        try configuration.validate()
        #expect(configuration.xdsAddress.host == "127.0.0.1")
        #expect(configuration.registryAddress.host == "127.0.0.1")
        #expect(configuration.leaseDuration == .seconds(15))
    }

    @Test func `every broken bound is named`() throws {
        var configuration = ControlPlaneConfiguration(
            manifestFolder: "",
            stateDirectory: "",
            tokens: [
                RegistrationToken(secret: "short", namespace: "Default"),
                RegistrationToken(secret: "a secret with spaces", namespace: "default", serviceAccounts: ["a/b"]),
                RegistrationToken(secret: "a secret with spaces", namespace: "default"),
            ],
            xdsAddress: EndpointAddress(unixSocketPath: "/x"),
            registryAddress: EndpointAddress(host: "localhost", port: 1),
            trustDomain: "Cluster.Local",
            leaseDuration: .milliseconds(999),
            certificateValidity: .seconds(4),
            folderPollInterval: .seconds(61)
        )
        configuration.limits.maximumInstances = 0
        configuration.limits.maximumFileSize = 1
        let error = #expect(throws: ConfigurationError.self) { try configuration.validate() }
        #expect(
            error?.problems.map(\.path) == [
                "manifestFolder", "stateDirectory", "tokens[0].secret", "tokens[0].namespace", "tokens[1].secret",
                "tokens[1].serviceAccounts", "tokens[2].secret", "tokens[2].secret", "xdsAddress", "registryAddress",
                "trustDomain", "leaseDuration", "certificateValidity", "folderPollInterval",
                "limits.maximumInstances", "limits.maximumFileSize",
            ]
        )
    }

    @Test func `a trust domain has no path`() {
        var configuration = Samples.configuration()
        configuration.trustDomain = "cluster.local/ns"
        #expect(throws: ConfigurationError.self) { try configuration.validate() }
    }

    @Test func `a token's description does not tell the secret`() {
        #expect(!"\(Samples.tokens)".contains(Samples.secret))
        #expect(!String(reflecting: Samples.tokens[0].description).contains(Samples.secret))
    }
}
