import { ROUTE_PROFILE_ANNOTATION } from '../../../api/names.ts';
import { fieldsOf, textsOf } from '../checked-fields.ts';
import type { Fields } from '../json.ts';
import { type RouteProfile, readRouteProfile } from '../linkerd/route-profile.ts';
import { type Meta, readAnnotations, readMeta } from '../meta.ts';
import { formatRef, refOf } from '../object-ref.ts';
import type { Problem } from '../problem.ts';
import { annotationPath } from './settings.ts';

/** What of a Deployment decides: which pods are its own, and the routes that it gives them. */
export interface Deployment extends Meta {
  /** Labels of the pods that it makes. */
  readonly templateLabels: Readonly<Record<string, string>>;
  /** From its own annotations, else from its pod template's. */
  readonly routeProfile: RouteProfile | null;
}

/** Reads an apps Deployment. @throws MalformedObject, also for a route profile that is unreadable as a whole */
export function readDeployment(raw: Fields, problems: Problem[]): Deployment {
  const meta = readMeta(raw);
  const template = fieldsOf(fieldsOf(raw.spec, 'spec').template, 'spec.template');
  const templateMetadata = fieldsOf(template.metadata, 'spec.template.metadata');
  const own = readAnnotations(raw)[ROUTE_PROFILE_ANNOTATION];
  const annotations = textsOf(templateMetadata.annotations, 'spec.template.metadata.annotations');
  const place = {
    origin: formatRef(refOf('Deployment', meta)),
    path: annotationPath(ROUTE_PROFILE_ANNOTATION, own === undefined ? 'spec.template.metadata' : 'metadata'),
  };
  return {
    ...meta,
    templateLabels: textsOf(templateMetadata.labels, 'spec.template.metadata.labels'),
    routeProfile: readRouteProfile(own ?? annotations[ROUTE_PROFILE_ANNOTATION], place, problems),
  };
}
