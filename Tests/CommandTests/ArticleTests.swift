import AviaryTestSupport
import Foundation
import Testing

/// The articles and the README: their listings are parts of programs that the tests run, and their commands exist.
@Suite struct ArticleTests {
  static let catalogue = "Sources/Aviary/Aviary.docc"
  /// The articles of all libraries, and the README.
  static let pages: [String] = {
    let sources = FileManager.default.enumerator(atPath: PackageRoot.url.appendingPathComponent("Sources").path)
    let files = (sources?.allObjects as? [String] ?? []).filter { $0.contains(".docc/") && $0.hasSuffix(".md") }
    return files.sorted().map { "Sources/" + $0 } + ["README.md"]
  }()

  @Test func pagesAreFound() { #expect(Self.pages.count > 25) }

  @Test(arguments: pages) func everyListingIsPartOfASnippet(_ page: String) throws {
    let programs = try SnippetTests.names.map { ($0, try Self.lines("Snippets/\($0).swift")) }
    for listing in try Listing.all(in: Self.lines(page)) {
      #expect(
        programs.contains { listing.isPart(of: $0.1) },
        "\(page):\(listing.line): the listing that begins with '\(listing.text.first ?? "")' is in no program of Snippets"
      )
    }
  }

  /// Modules that only builds with their trait have.
  static let optionalModules = ["TensorBoard/", "ONNX/", "Serving/", "Serve/"]

  @Test func everyExampleOfADeclarationIsPartOfASnippet() throws {
    let programs = try SnippetTests.names.map { try Self.lines("Snippets/\($0).swift") }
    var count = 0
    for folder in ["Sources", "Models"] {
      let files = FileManager.default.enumerator(atPath: PackageRoot.url.appendingPathComponent(folder).path)
      for case let file as String in try #require(files) where file.hasSuffix(".swift") {
        if Self.optionalModules.contains(where: file.hasPrefix) { continue }
        for listing in try Listing.documentation(in: Self.lines("\(folder)/\(file)")) {
          count += 1
          #expect(programs.contains { listing.isPart(of: $0) }, "\(folder)/\(file):\(listing.line): \(listing.text[0])")
        }
      }
    }
    #expect(count > 10)
  }

  /// The code of the tutorials.
  static let tutorialFiles: [String] = {
    let folder = PackageRoot.url.appendingPathComponent(catalogue + "/Resources").path
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return files.sorted().map { "\(catalogue)/Resources/\($0)" }
  }()

  @Test func everyTutorialStepIsPartOfASnippet() throws {
    let steps = Self.tutorialFiles.filter { $0.hasSuffix(".swift") }
    #expect(!steps.isEmpty)
    let programs = try SnippetTests.names.map { try Self.lines("Snippets/\($0).swift") }
    for step in steps {
      let text = Array(try Self.lines(step).dropLast())
      #expect(programs.contains { Listing(line: 1, text: text).isPart(of: $0) }, "\(step)")
    }
  }

  @Test func everyCommandOfTheTutorialsExists() throws {
    let steps = Self.tutorialFiles.filter { $0.hasSuffix(".sh") }
    #expect(!steps.isEmpty)
    for step in steps {
      for command in try Commands.all(in: Self.lines(step).map { "    " + $0 }) {
        let fault = try Self.fault(in: command.words)
        #expect(fault == nil, "\(step):\(command.line): \(fault ?? "")")
      }
    }
  }

  @Test(arguments: pages + ["CONTRIBUTING.md", "SECURITY.md", "Benchmarks.md"])
  func everyCommandExists(_ page: String) throws {
    for command in try Commands.all(in: Self.lines(page)) {
      let fault = try Self.fault(in: command.words)
      #expect(fault == nil, "\(page):\(command.line): \(command.words.joined(separator: " ")): \(fault ?? "")")
    }
  }

  static let documents = ["CONTRIBUTING.md", "SECURITY.md", "Benchmarks.md", "CHANGELOG.md", "Weights/FORMAT.md"]

  /// Links to files of the package lead to some. DocC checks those of articles.
  @Test(arguments: ["README.md"] + documents) func everyLinkLeadsToAFile(_ page: String) throws {
    let folder = PackageRoot.url.appendingPathComponent(page).deletingLastPathComponent()
    for (number, line) in try Self.lines(page).enumerated() {
      for link in Self.links(in: line) {
        #expect(
          FileManager.default.fileExists(atPath: folder.appendingPathComponent(link).path),
          "\(page):\(number + 1): \(link)")
      }
    }
  }

  /// The files that a line of Markdown links to.
  private static func links(in line: String) -> [String] {
    line.matches(of: /\]\(([^)#\s]+)(?:#[^)]*)?\)/).map { String($0.output.1) }.filter { !$0.contains("://") }
  }

  @Test func linksAreFound() {
    #expect(Self.links(in: "[a](A.md), `b` [c](d/e.md#f) [g](https://h.org/i) f(x) [j](#k)") == ["A.md", "d/e.md"])
  }

  /// What is wrong with the words after `aviary`.
  private static func fault(in words: [String]) throws -> String? {
    guard let name = words.first else { return nil }
    if name.hasPrefix("-") { return try help("help.txt").mentions(name) ? nil : "unknown option" }
    // A name in capitals stands for any.
    if name == "help" || name == name.uppercased() { return nil }
    let pages =
      switch name {
      case "bench": ["help-bench.txt", "help-bench-run.txt", "help-bench-tune.txt"]
      // It forwards the options of the command that it searches for.
      case "search": ["help-search.txt", "help-train.txt", "help-finetune.txt"]
      default: ["help-\(name).txt"]
      }
    let texts = pages.compactMap { try? help($0) }
    guard !texts.isEmpty else { return "no such command" }
    let options = words.dropFirst().filter { $0.hasPrefix("--") }.map { $0.split(separator: "=")[0] }
    let unknown = options.filter { option in option != "--help" && !texts.contains { $0.mentions(String(option)) } }
    return unknown.isEmpty ? nil : "\(name) has no \(unknown.joined(separator: ", "))"
  }

  private static func help(_ name: String) throws -> HelpText {
    HelpText(text: try lines("Tests/CommandTests/Goldens/" + name).joined(separator: "\n"))
  }

  private static func lines(_ path: String) throws -> [String] {
    try String(contentsOf: PackageRoot.url.appendingPathComponent(path), encoding: .utf8)
      .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  // MARK: The checks themselves

  @Test func aListingIsRecognisedAtAnyIndentation() {
    let program = ["import Aviary", "func f() {", "  let a = 1", "", "  let b = 2", "}"]
    #expect(Listing(line: 1, text: ["let a = 1", "", "let b = 2"]).isPart(of: program))
    #expect(Listing(line: 1, text: ["  let b = 2", "}"]).isPart(of: program))
    #expect(!Listing(line: 1, text: ["let a = 1", "let b = 2"]).isPart(of: program))
    #expect(!Listing(line: 1, text: ["let a"]).isPart(of: program))
  }

  @Test func commandsAreFound() {
    let page = [
      "    aviary train x --data D  # --not-an-option", "Run `aviary verify --nothing`",
      "    a | aviary diff A B && aviary --version",
    ]
    #expect(
      Commands.all(in: page).map(\.words) == [
        ["train", "x", "--data", "D"], ["verify", "--nothing"], ["diff", "A", "B"], ["--version"],
      ])
  }

  @Test func unknownOptionsAreFaults() throws {
    #expect(try Self.fault(in: ["verify", "--nothing"]) == "verify has no --nothing")
    #expect(try Self.fault(in: ["nonsense"]) == "no such command")
    #expect(try Self.fault(in: ["finetune", "--from", "a", "--no-crop-margin"]) == nil)
  }
}

/// Swift code in a page.
struct Listing {
  let line: Int
  let text: [String]

  /// In documentation comments.
  static func documentation(in source: [String]) -> [Listing] {
    guard source.contains(where: { $0.hasSuffix("/// ```swift") }) else { return [] }
    return all(
      in: source.map { line in
        let text = line.drop { $0 == " " }
        return text.hasPrefix("///") ? String(text.dropFirst(text.hasPrefix("/// ") ? 4 : 3)) : ""
      })
  }

  static func all(in page: [String]) -> [Listing] {
    var listings: [Listing] = []
    var start: Int?
    for (number, line) in page.enumerated() {
      if line == "```swift" {
        start = number + 1
      } else if line == "```", let begin = start {
        listings.append(Listing(line: begin + 1, text: Array(page[begin..<number])))
        start = nil
      }
    }
    return listings
  }

  /// Whether the lines follow one another in a program, all indented by as much more or less.
  func isPart(of program: [String]) -> Bool {
    let wanted = text.map(Indented.init)
    guard let first = wanted.first else { return false }
    return program.indices.contains { start in
      guard start + wanted.count <= program.count, Indented(program[start]).text == first.text else { return false }
      let shift = Indented(program[start]).spaces - first.spaces
      return wanted.indices.allSatisfy { place in
        let line = Indented(program[start + place])
        return line.text == wanted[place].text && (line.text.isEmpty || line.spaces == wanted[place].spaces + shift)
      }
    }
  }

  private struct Indented {
    let spaces: Int
    let text: Substring
    init(_ line: String) {
      text = line.drop { $0 == " " }
      spaces = line.count - text.count
    }
  }
}

/// Calls of `aviary` in a page: in its indented lines, and in code within text.
struct Commands {
  let line: Int
  let words: [String]

  static func all(in page: [String]) -> [Commands] {
    page.enumerated().flatMap { number, line in
      let code = line.hasPrefix("    ") ? [Substring(line)] : codeWithinText(line)
      return code.flatMap { calls(in: $0) }.map { Commands(line: number + 1, words: $0) }
    }
  }

  private static func codeWithinText(_ line: String) -> [Substring] {
    let parts = line.split(separator: "`", omittingEmptySubsequences: false)
    return parts.indices.filter { $0 % 2 == 1 && parts[$0].hasPrefix("aviary ") }.map { parts[$0] }
  }

  private static func calls(in code: Substring) -> [[String]] {
    let text = String(code).components(separatedBy: " #")[0]
    return text.components(separatedBy: "&&").flatMap { $0.components(separatedBy: " | ") }.compactMap { part in
      let words = part.split { $0 == " " || $0 == "'" }.map(String.init)
      return words.first == "aviary" ? Array(words.dropFirst()) : nil
    }
  }
}

struct HelpText {
  let text: String

  /// Whether the help names the option, and not only a longer one.
  func mentions(_ option: String) -> Bool {
    text.components(separatedBy: option).dropFirst().contains { rest in
      !(rest.first.map { $0.isLetter || $0.isNumber || $0 == "-" } ?? false)
    }
  }
}
