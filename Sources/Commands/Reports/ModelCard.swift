import Aviary

/// A card in Markdown that says what a model is and how well it does, with the front matter that Hugging Face reads.
struct ModelCard {
  /// What the model does, in Hugging Face's words: image-classification, tabular-regression …
  let task: String
  let name: String
  let facts: ReportFacts
  /// The measures of the evaluation: Hugging Face's type, a name and the value.
  let measures: [(type: String, name: String, value: Double)]

  var text: String { frontMatter + "\n" + body }

  private var frontMatter: String {
    var lines = ["---", "library_name: aviary", "pipeline_tag: \(task)", "tags:", "- aviary"]
    if let architecture = facts.architecture { lines.append("- \(Self.quoted(architecture))") }
    if let license = facts.license { lines.append("license: \(Self.quoted(license))") }
    if let base = facts.base { lines.append("base_model: \(Self.quoted(base))") }
    if !measures.isEmpty {
      lines += ["metrics:"] + measures.map { "- \($0.type)" }
      lines += ["model-index:", "- name: \(Self.quoted(name))", "  results:", "  - task:", "      type: \(task)"]
      lines += [
        "    dataset:", "      name: \(Self.quoted(facts.data ?? "unknown"))",
        "      type: \(Self.quoted(facts.data ?? "unknown"))",
      ]
      if let part = facts.part { lines.append("      split: \(Self.quoted(part))") }
      lines.append("    metrics:")
      for measure in measures {
        lines += [
          "    - type: \(measure.type)", "      name: \(Self.quoted(measure.name))", "      value: \(measure.value)",
        ]
      }
    }
    return (lines + ["---"]).joined(separator: "\n")
  }

  private var body: String {
    var lines = ["", "# \(Self.escaped(name))", ""]
    lines += facts.sentences.map { Self.escaped($0) }
    if !measures.isEmpty {
      lines += [
        "", "## Results", "",
        facts.part.map { "On the \(Self.escaped($0)) part of \(Self.escaped(facts.data ?? "the data")):" }
          ?? "On \(Self.escaped(facts.data ?? "the data")):", "",
      ]
      if let known = facts.partRemark { lines += [Self.escaped(known), ""] }
      lines +=
        ["| measure | value |", "|---|---|"]
        + measures.map { "| \(Self.escaped($0.name)) | \(significant($0.value, 5)) |" }
    }
    if !facts.classes.isEmpty {
      let shown = facts.classes.prefix(100).map { Self.escaped($0) }.joined(separator: ", ")
      lines += ["", "## Classes", "", shown + (facts.classes.count > 100 ? ", … (\(facts.classes.count))" : "")]
    }
    lines += ["", "## Training", ""] + facts.training.map { "- \(Self.escaped($0.name)): \(Self.escaped($0.value))" }
    lines += ["", "## Use", "", "```", "aviary predict MODEL.h5 \(facts.exampleInput)", "```"]
    if let command = facts.command {
      lines += ["", "Trained with:", "", "```", printable(command).replacing("```", with: "` ` `"), "```"]
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// A JSON text, which is one in YAML, too.
  private static func quoted(_ text: String) -> String { JSONValue.text(printable(text)).serialized }

  /// Text that is no markup in Markdown.
  private static func escaped(_ text: String) -> String {
    var result = ""
    for character in escapedForMarkup(printable(text)) {
      if "\\`*_[]#|~!".contains(character) { result.append("\\") }
      result.append(character)
    }
    return result
  }
}
