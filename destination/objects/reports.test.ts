import t from 'tap';

import { formatReport, type Report, Reports } from './reports.ts';

const FAULT: Report = {
  object: { kind: 'Service', namespace: 'default', name: 'api' },
  place: 'api.yaml:3',
  path: 'spec.ports[0].port',
  message: 'is no port',
};

t.test('a fault is told once, stands while somebody finds it, and is told again when it comes back', async (t) => {
  const reports = new Reports();
  const heard: string[] = [];
  reports.onNew((report) => heard.push(formatReport(report)));
  reports.set('file', [FAULT]);
  t.same(heard, ['api.yaml:3: Service/default/api: spec.ports[0].port: is no port']);
  reports.set('view', [FAULT]);
  reports.set('file', [{ ...FAULT, place: 'api.yaml:4' }]);
  t.equal(heard.length, 1, 'another finder or line is no new fault');
  t.equal(reports.current().length, 1);
  reports.set('file', []);
  t.equal(reports.current().length, 1, 'somebody still finds it');
  reports.set('view', []);
  t.same(reports.current(), []);
  reports.set('file', [FAULT, FAULT]);
  t.equal(heard.length, 2);
});
