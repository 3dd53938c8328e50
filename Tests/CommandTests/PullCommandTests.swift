import Aviary
import AviaryArchives
import AviaryTestSupport
import Foundation
import Testing

/// `aviary pull`, and names of published weights and data in other commands, against a server of this machine.
@Suite struct PullCommandTests {
  /// A server with a toy's weights, a table of them, and a cache.
  struct Setting {
    let server: LocalServer
    let scratch: ScratchFolder
    let weights: [UInt8]

    init() throws {
      server = try LocalServer()
      scratch = try ScratchFolder()
      let model = try Registry.zoo.architecture(named: "resnet-toy").build()
      model.initialize(seed: 3)
      let file = scratch / "toy.pth"
      var checkpoint = model.checkpoint()
      checkpoint.metadata.configuration = nil
      try checkpoint.write(to: file)
      weights = Array(try Data(contentsOf: URL(fileURLWithPath: file)))
      try FileManager.default.removeItem(atPath: file)
      server["/toy.pth"] = .init(bytes: weights, etag: "\"one\"")
      let digits = try Digest.of(weights, by: .sha256)
      let images = GoldenIDX.images
      server["/train-images-idx3-ubyte"] = .init(bytes: images.training)
      server["/train-labels-idx1-ubyte"] = .init(bytes: images.labels)
      let rows = [
        #"{"name": "toy-shapes-v1", "alias": "toy-shapes", "architecture": "resnet-toy", "url": "\#(server.root)/toy.pth", "sha256_prefix": "\#(digits.prefix(8))", "classes": ["a", "b", "c", "d", "e"], "resize": 40, "crop": 32, "top1": 61.5, "licence": "CC0"}"#,
        #"{"name": "data:dots", "files": [{"file": "train-images-idx3-ubyte", "url": "\#(server.root)/train-images-idx3-ubyte", "md5": "\#(try Digest.of(images.training, by: .md5))"}, {"file": "train-labels-idx1-ubyte", "url": "\#(server.root)/train-labels-idx1-ubyte"}], "classes": ["even", "odd"]}"#,
      ]
      try scratch.write(rows.joined(separator: "\n"), to: "table.jsonl")
    }

    func run(
      _ arguments: [String], _ environment: [String: String] = [:], whileRunning: (Process) -> Void = { _ in }
    ) throws -> BuiltTool.Outcome {
      try BuiltTool.run(
        arguments, in: scratch.path,
        environment: [
          "AVIARY_CACHE": scratch / "cache", "AVIARY_TABLE": scratch / "table.jsonl", "HF_ENDPOINT": server.root,
        ].merging(environment) { $1 }, whileRunning: whileRunning)
    }

    /// Files of the cache, but for locks.
    var files: [String] {
      (FileManager.default.enumerator(atPath: scratch / "cache")?.compactMap { $0 as? String } ?? []).filter {
        !$0.hasSuffix(".lock") && !FileSystem.isFolder(scratch / "cache/\($0)")
      }.sorted()
    }

    func image() throws -> String {
      let path = scratch / "image.png"
      let golden = PackageRoot.url.appendingPathComponent("Tests/DatasetsTests/Goldens/images/rgb.png").path
      try FileManager.default.copyItem(atPath: golden, toPath: path)
      return path
    }
  }

  @Test func aNameIsFetchedOnceAndUsedEverywhere() throws {
    let setting = try Setting()
    defer { setting.server.stop() }
    let pulled = try setting.run(["pull", "toy-shapes", "--json"])
    #expect(pulled.status == 0, "\(pulled.errors)")
    let first = try #require((try pulled.json()["pulled"] as? [[String: Any]])?.first)
    let path = try #require(first["path"] as? String)
    #expect(path == setting.scratch / "cache/weights/toy-shapes-v1/toy.pth")
    #expect(first["licence"] as? String == "CC0" && first["cached"] as? Bool == false)
    #expect(setting.files == ["weights/toy-shapes-v1/config.json", "weights/toy-shapes-v1/toy.pth"])
    #expect(
      try setting.run(["pull", "toy-shapes-v1"]).output.contains("was in the cache; verified: SHA-256 (first 8 digits)")
    )
    let image = try setting.image()
    let predicted = try setting.run(["predict", "toy-shapes", image, "--offline", "--json"])
    #expect(predicted.status == 0, "\(predicted.errors)")
    #expect(predicted.output.contains(#""name":"a""#), "the classes come with the weights")
    for arguments in [["inspect", "toy-shapes"], ["verify", "toy-shapes"], ["diff", "toy-shapes", path]] {
      let outcome = try setting.run(arguments + ["--offline"])
      #expect(outcome.status == 0, "\(arguments): \(outcome.errors)")
    }
    #expect(setting.server.requests(for: "/toy.pth").count == 1)
    // A file that was damaged in the cache is fetched again.
    try Data("damaged".utf8).write(to: URL(fileURLWithPath: path))
    let mended = try setting.run(["pull", "toy-shapes"])
    #expect(mended.status == 0 && mended.errors.contains("damaged"))
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data(setting.weights))
  }

  @Test func aCommandFetchesAndSaysSo() throws {
    let setting = try Setting()
    defer { setting.server.stop() }
    let image = try setting.image()
    expectFault(try setting.run(["predict", "toy-shapes", image, "--offline"]), "not in the cache", "--offline")
    expectFault(try setting.run(["predict", "toy-shapes", image], ["AVIARY_OFFLINE": "1"]), "AVIARY_OFFLINE")
    #expect(setting.server.requests.isEmpty && setting.files.isEmpty)
    let predicted = try setting.run(["predict", "toy-shapes", image])
    #expect(predicted.status == 0 && predicted.errors.contains("fetching \(setting.server.root)/toy.pth"))
    let finetuned = try setting.run([
      "finetune", "--from", "toy-shapes", "--data", "data:dots", "--output", "run", "--epochs", "1", "--image-size",
      "32",
    ])
    #expect(finetuned.status == 0, "\(finetuned.errors)")
    #expect(setting.files.contains("data/dots/classes.txt"))
    let summary = try String(contentsOfFile: setting.scratch / "run/summary.json", encoding: .utf8)
    #expect(summary.contains("odd"))
    #expect(try setting.run(["evaluate", "run", "--data", "data:dots", "--offline", "--part", "all"]).status == 0)
  }

  @Test func unknownNamesAreNamed() throws {
    let setting = try Setting()
    defer { setting.server.stop() }
    expectFault(try setting.run(["pull", "toy-shape"]), "did you mean 'toy-shapes'?")
    expectFault(try setting.run(["inspect", "toy-shapes-v2"]), "did you mean 'toy-shapes-v1'?")
    expectFault(try setting.run(["pull", "data:dot"]), "did you mean 'data:dots'?")
    expectFault(try setting.run(["inspect", "data:dots"]), "it is data")
    for wrong in [
      ["pull"], ["pull", "hf:owner"], ["pull", "hf:owner/../x"], ["pull", "http://example.invalid/x.pth"],
      ["pull", "ftp://h/x"], ["pull", "https://h/"], ["pull", "https://h/x#sha256=12"],
      ["pull", "x", "--timeout", "0"],
    ] {
      let outcome = try setting.run(wrong)
      #expect(outcome.status == 64, "\(wrong): \(outcome.errors)")
    }
    let listed = try setting.run(["pull", "--list"])
    #expect(listed.lines.contains { $0.hasPrefix("resnet50-imagenet-v2") && $0.contains("80.9") })
    #expect(listed.lines.last?.contains("none of the files was fetched") ?? false)
    try setting.scratch.write("{\"name\": \"x\"}", to: "table.jsonl")
    expectFault(try setting.run(["pull", "x"]), "table.jsonl", "row 1", "without an address")
  }

  @Test func faultsOfTheNetworkAreOneLine() throws {
    let setting = try Setting()
    defer { setting.server.stop() }
    setting.server["/toy.pth"] = .init(bytes: setting.weights.reversed())
    expectFault(try setting.run(["pull", "toy-shapes"]), "not the published file", "nothing was kept")
    setting.server["/toy.pth"] = .init(bytes: setting.weights, etag: "\"one\"", stallsAfter: 500)
    expectFault(
      try setting.run(["pull", "toy-shapes", "--timeout", "1"]), "nothing was received for 1 s", "after 500 bytes")
    setting.server["/toy.pth"] = .init(status: 404)
    expectFault(try setting.run(["pull", "toy-shapes"]), "404", "no such file")
    // A disk that takes no more: the process may write files of 8 KiB.
    setting.server["/toy.pth"] = .init(bytes: setting.weights, etag: "\"two\"")
    let small = try BuiltTool.run(
      ["-c", "trap '' XFSZ; ulimit -f 8; exec '\(BuiltTool.path)' pull toy-shapes"], of: "/bin/sh",
      in: setting.scratch.path,
      environment: ["AVIARY_CACHE": setting.scratch / "cache", "AVIARY_TABLE": setting.scratch / "table.jsonl"])
    expectFault(small, "cannot write", "File too large")
    #expect(setting.files.isEmpty, "nothing half-written is left")
  }

  /// A process that is killed leaves what the next one goes on with.
  @Test func aKilledDownloadIsResumed() throws {
    let setting = try Setting()
    defer { setting.server.stop() }
    setting.server["/toy.pth"] = .init(bytes: setting.weights, etag: "\"one\"", pace: 20_000)
    _ = try setting.run(["pull", "toy-shapes"]) { process in
      for _ in 0..<400 where setting.files.count < 2 { usleep(10_000) }
      usleep(100_000)
      kill(process.processIdentifier, SIGKILL)
    }
    #expect(setting.files == ["weights/toy-shapes-v1/toy.pth.part", "weights/toy-shapes-v1/toy.pth.part.json"])
    setting.server["/toy.pth"] = .init(bytes: setting.weights, etag: "\"one\"")
    let outcome = try setting.run(["pull", "toy-shapes"])
    #expect(outcome.status == 0 && outcome.errors.contains("going on with"))
    #expect(setting.server.requests(for: "/toy.pth").last?.offset ?? 0 > 0)
  }

  @Test func aHubsRepositoryNeedsNoOption() throws {
    let setting = try Setting()
    defer { setting.server.stop() }
    let golden = PackageRoot.url.appendingPathComponent("Tests/ModelsTests/Goldens/hub/resnet-basic")
    var siblings: [String] = []
    for name in ["model.safetensors", "config.json", "preprocessor_config.json"] {
      let bytes = Array(try Data(contentsOf: golden.appendingPathComponent(name)))
      setting.server["/owner/net/resolve/0abc/\(name)"] = .init(bytes: bytes)
      let hash =
        name == "model.safetensors"
        ? #""lfs": {"sha256": "\#(try Digest.of(bytes, by: .sha256))", "size": \#(bytes.count)}"#
        : #""blobId": "\#(try Digest.of(Array("blob \(bytes.count)\0".utf8) + bytes, by: .sha1))""#
      siblings.append(#"{"rfilename": "\#(name)", "size": \#(bytes.count), \#(hash)}"#)
    }
    let listing = #"{"sha": "0abc", "siblings": [\#(siblings.joined(separator: ","))]}"#
    setting.server["/api/models/owner/net/revision/main"] = .init(bytes: Array(listing.utf8))
    let image = try setting.image()
    let predicted = try setting.run(["predict", "hf:owner/net", image])
    #expect(predicted.status == 0, "\(predicted.errors)")
    #expect(
      predicted.output.contains("crane (2)") || predicted.output.contains("owl") || predicted.output.contains("tench"))
    // What is to be known of the file is said when it is fetched.
    #expect(predicted.errors.contains("hf:owner/net: names of"))
    let again = try setting.run(["predict", "hf:owner/net", image, "--offline"])
    #expect(again.output == predicted.output && !again.errors.contains("names of"))
    #expect(try setting.run(["pull", "hf:owner/net"]).errors.contains("hf:owner/net: names of"))
    let converted = try setting.run(["convert", "hf:owner/net", "own.h5"])
    #expect(converted.status == 0 && converted.output.contains("resnet18"), "\(converted.errors)")
    #expect(try setting.run(["predict", "own.h5", image]).output == predicted.output)
    expectFault(try setting.run(["pull", "hf:owner/net/other.bin"]), "has no file 'other.bin'", "model.safetensors")
    expectFault(try setting.run(["pull", "hf:owner/none"]), "404")
    #expect(try setting.run(["pull", "hf:owner/net@main/model.safetensors", "--json"]).status == 0)
  }

  @Test func plainAddressesAndProxies() throws {
    let setting = try Setting()
    defer { setting.server.stop() }
    let address = setting.server.root + "/toy.pth"
    let digits = try Digest.of(setting.weights, by: .sha256)
    #expect(try setting.run(["pull", "\(address)#sha256=\(digits)"]).output.contains("verified: SHA-256"))
    #expect(try setting.run(["inspect", address, "--offline"]).status == 0)
    let wrong = "\(setting.server.root)/other.pth#sha256=\(String(repeating: "0", count: 64))"
    setting.server["/other.pth"] = .init(bytes: setting.weights)
    expectFault(try setting.run(["pull", wrong]), "not the published file")
    // Without encryption to another machine only where that is allowed, and then by the proxy that the environment names.
    setting.server["/far.pth"] = .init(bytes: setting.weights)
    let far = "http://far.invalid/far.pth"
    let proxied = try setting.run(["pull", far, "--allow-http"], ["http_proxy": setting.server.root])
    #expect(proxied.status == 0, "\(proxied.errors)")
    #expect(setting.server.requests.last?.target == far)
  }
}

/// Twelve pictures of 28 by 28 in two classes, as MNIST has them.
enum GoldenIDX {
  static var images: (training: [UInt8], labels: [UInt8]) {
    let count = 12
    let pixels = (0..<count * 28 * 28).map { UInt8(truncatingIfNeeded: ($0 / 784) % 2 == 0 ? $0 % 97 : 255 - $0 % 31) }
    return (
      [0, 0, 8, 3, 0, 0, 0, UInt8(count), 0, 0, 0, 28, 0, 0, 0, 28] + pixels,
      [0, 0, 8, 1, 0, 0, 0, UInt8(count)] + (0..<count).map { UInt8($0 % 2) }
    )
  }
}
