import AviaryTestSupport
import Foundation
import Testing

/// `aviary serve`, which is the program `aviary-serve`.
@Suite struct ServeTests {
  private func serve(_ arguments: [String], environment: [String: String] = [:]) throws -> BuiltTool.Outcome {
    try BuiltTool.run(["serve"] + arguments, environment: environment, seconds: 60)
  }

  #if Server
    @Test func itHasItsHelp() throws {
      #expect(try serve(["--help"]).output == (try HelpTests.golden("help-serve.txt")))
    }

    @Test(arguments: [
      [], ["a.h5", "--port", "65536"], ["a.h5", "--port", "-1"], ["a.h5", "--max-batch", "0"],
      ["a.h5", "--queue", "0"],
      ["a.h5", "--max-delay", "-1"], ["a.h5", "--timeout", "0"], ["a.h5", "--max-body", "0"],
      ["a.h5", "--api-key", "a b"],
      ["a.h5", "--api-key", "k", "--api-key-file", "f"], ["a.h5", "b/a.h5"], ["=a.h5"], ["a/b=a.h5"],
      ["a.h5", "--log-level", "loud"], ["a.h5", "--max-pixels", "nan"],
    ]) func wrongUsageIs64(_ arguments: [String]) throws {
      let outcome = try serve(arguments)
      #expect(outcome.status == 64, "\(outcome.errors)")
      for option in arguments where option.hasPrefix("--") {
        #expect(outcome.errors.contains(option), "\(outcome.errors)")
      }
    }

    @Test func whatCannotBeServedIsOneLine() throws {
      let folder = try ScratchFolder()
      expectFault(try serve([folder / "nothing.h5"]), "nothing.h5")
      try ToyFiles.headless().write(to: folder / "headless.h5")
      expectFault(try serve(["pets=\(folder / "headless.h5")"]), "headless.h5", "no classifier head")
      expectFault(
        try serve([Goldens.url("keras/dense.keras", of: "KerasTests").path]), "dense.keras: takes rows of",
        "its file does not say what they are", "aviary finetune")
      try ToyFiles.checkpoint().write(to: folder / "pets.h5")
      expectFault(try serve([folder / "pets.h5", "--api-key-file", folder / "none"]), "/none: no such file")
      expectFault(try serve([folder / "pets.h5"], environment: ["AVIARY_API_KEY": "a b"]), "AVIARY_API_KEY")
      expectFault(
        try serve([folder / "pets.h5", "--host", "192.0.2.1"]), "--host 192.0.2.1 is not an address of this machine")
    }

    /// A run, a file with a name, a key from the environment; the port on standard output, JSON on standard error, and the
    /// end at SIGTERM.
    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/curl"), "curl is not installed"))
    func itServesUntilItIsAskedToEnd() async throws {
      let folder = try ScratchFolder()
      try FileManager.default.createDirectory(atPath: folder / "run", withIntermediateDirectories: true)
      try ToyFiles.checkpoint().write(to: folder / "run/best.h5")
      let process = Process()
      process.executableURL = URL(fileURLWithPath: BuiltTool.path)
      process.arguments = ["serve", folder / "run", "other=\(folder / "run/best.h5")", "--port", "0"]
      process.environment = ProcessInfo.processInfo.environment.merging(["AVIARY_API_KEY": "secret"]) { $1 }
      let output = Pipe()
      process.standardOutput = output
      let errors = folder / "errors"
      try Data().write(to: URL(fileURLWithPath: errors))
      process.standardError = FileHandle(forWritingAtPath: errors)
      try process.run()
      defer { if process.isRunning { process.terminate() } }
      let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
      let port = try #require(line.split(separator: ":").last.flatMap { Int($0.filter(\.isNumber)) }, "\(line)")
      #expect(line.hasPrefix("http://127.0.0.1:"))
      let client = try BuiltTool.run(
        ["-s", "-H", "X-API-Key: secret", "http://127.0.0.1:\(port)/models"], of: "/usr/bin/curl")
      if client.status == 0 {
        #expect(
          client.output.contains(#""name":"run""#) && client.output.contains(#""name":"other""#), "\(client.output)")
      }
      process.terminate()
      process.waitUntilExit()
      #expect(process.terminationStatus == 0 && process.terminationReason == .exit)
      let lines = try String(contentsOfFile: errors, encoding: .utf8).split(separator: "\n")
      let messages = try lines.map { line -> String? in
        (try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])?["message"] as? String
      }
      #expect(
        messages.first == "model loaded" && messages.contains("listening") && messages.last == "stopped", "\(lines)")
    }
  #else
    @Test func withoutTheTraitItSaysHowToBuildIt() throws {
      let outcome = try serve(["a.h5"])
      #expect(outcome.status == 64 && outcome.errors.contains("--traits Server"))
    }
  #endif
}
