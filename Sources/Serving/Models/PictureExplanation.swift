import Aviary
import AviaryArchives
import AviaryExplanations
import AviaryKernels
import AviaryPictures

/// A picture of which a decision is to be explained.
package struct ExplainedPicture: Sendable {
  /// As the network sees it, but for its colours' scale.
  let picture: DecodedImage
  let rows: PreparedRows
  /// The position of the class; nil for the predicted one.
  let output: Int?

  /// Grad-CAM, on the thread that computes.
  ///
  /// - Parameter decision: which class is predicted.
  func explained(
    by frozen: InferenceClassifier, _ decision: ClassDecision
  ) async -> Result<PictureExplanation, ServingFault> {
    do throws(ServingFault) {
      return .success(
        try await Compute.enqueue { () throws(ServingFault) -> PictureExplanation in
          if Task.isCancelled { throw .cancelled }
          return try frozen.run { (model) throws(ServingFault) -> PictureExplanation in
            try explanation(model, decision)
          }
        })
    } catch {
      return .failure(error)
    }
  }

  private func explanation(
    _ model: any Classifier, _ decision: ClassDecision
  ) throws(ServingFault) -> PictureExplanation {
    func open(_ model: some Classifier) throws(ServingFault) -> PictureExplanation {
      do throws(ConfigurationFault) { try model.configuration.validate(input: rows.shape) } catch {
        throw .unsuited("\(error)")
      }
      let x = Tensor(joining: rows.parts, shape: [1] + rows.shape)
      let probabilities = softmax(model(x)).scalars
      guard probabilities.allSatisfy(\.isFinite) else { throw .notFinite }
      do throws(ExplanationFault) {
        let explainer = Explainer(model)
        // Refuses outputs that are none of classes.
        _ = try explainer.chosen(output.map { .output($0) } ?? .highest, for: x)
        let chosen = output ?? decision.predicted(probabilities)
        let found = try explainer.gradCAM(x, .output(chosen))
        let size = Array(found.values.shape.dropFirst())
        return PictureExplanation(
          picture: picture, output: chosen, probabilities: probabilities, layer: found.layer,
          map: found.values.scalars, height: size[0], width: size[1],
          overlaid: resampled(found.values, height: picture.height, width: picture.width).scalars)
      } catch {
        switch error {
        case .notFinite: throw ServingFault.notFinite
        case .noFeatureMap:
          throw ServingFault.unsuited(
            "no layer of the model gives feature maps, which Grad-CAM needs; use aviary explain --method saliency or ig"
          )
        default: throw ServingFault.unsuited("\(error)")
        }
      }
    }
    return try open(model)
  }
}

/// Which places of a picture speak for a class.
package struct PictureExplanation: Sendable {
  let picture: DecodedImage
  let output: Int
  let probabilities: [Float]
  /// The path of the layer whose maps were looked at.
  let layer: String
  /// [height, width], of the layer.
  let map: [Float]
  let height: Int
  let width: Int
  /// One number for each pixel of the picture.
  let overlaid: [Float]

  /// The map over the picture, as a PNG file.
  var png: [UInt8] {
    PNGFile.encoded(
      Overlay.blended(picture.pixels, overlaid, clipping: 0, isSigned: false), width: picture.width,
      height: picture.height)
  }
}
